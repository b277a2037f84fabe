"""What a run has to do: its dates, the key of each step, and what is done already."""

"""The same six outputs by DuckDB alone, from the same landing files: the measure of what the lake costs."""

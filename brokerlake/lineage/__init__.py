"""What is made from what, told from the catalogue."""

"""What the data means: one pure module a table, one reader a file format, and the field's methods."""

"""The night, timed: one large day beside DuckDB and the floor (`make bench`)."""

"""Running tables: a night, a group, one table, a range."""

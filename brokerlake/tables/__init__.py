"""Delta I/O: the only place that reads and writes tables."""

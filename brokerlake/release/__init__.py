"""Releases: which version of every table a reader sees, and going back to an earlier one."""

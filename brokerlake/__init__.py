"""The machine that runs any table of the lake and knows none of them."""

__version__ = "0.1.0"

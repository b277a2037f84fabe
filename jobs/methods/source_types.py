"""Delivered text to types: what does not read as its type becomes null, never an error and never a guess.

All functions take a column (or its name) of text and are strict on notation: `1e3` is no decimal, `2024-1-5` no
date, a decimal with more digits than its column holds does not cast instead of being rounded. Empty or blank text is
null. `not_cast` tells an empty value from one that did not read.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

ColumnOrName = Column | str
_WHOLE = r"^[+-]?[0-9]{1,19}$"
_PLAIN_NUMBER = r"^[+-]?[0-9]+([.][0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_LOCAL_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?$"
_OFFSET_TIME = _LOCAL_TIME[:-1] + r"(Z|[+-][0-9]{2}:[0-9]{2})$"


def _text(col: ColumnOrName) -> Column:
    return F.trim(F.col(col) if isinstance(col, str) else col)


def _where(text: Column, pattern: str) -> Column:
    return F.when(text.rlike(pattern), text)


def is_filled(col: ColumnOrName) -> Column:
    """True where the text is neither null nor blank; never null."""
    return F.coalesce(_text(col) != F.lit(""), F.lit(False))


def not_cast(text: ColumnOrName, typed: Column) -> Column:
    """True where a filled text has no typed value; never null."""
    return is_filled(text) & typed.isNull()


def to_text(col: ColumnOrName) -> Column:
    """The text without surrounding blanks; empty is null."""
    return F.nullif(_text(col), F.lit(""))


def to_decimal(col: ColumnOrName, precision: int, scale: int) -> Column:
    """Plain notation (`-12.50`) to DECIMAL(precision, scale); null where digits would be lost."""
    exact = rf"^[+-]?[0-9]+([.][0-9]{{1,{scale}}}0*)?$" if scale else r"^[+-]?[0-9]+([.]0+)?$"
    return _where(_text(col), exact).try_cast(f"decimal({precision},{scale})")


def to_double(col: ColumnOrName) -> Column:
    """Plain notation to DOUBLE, for ratios and rates; money is never a double."""
    return _where(_text(col), _PLAIN_NUMBER).try_cast("double")


def to_integer(col: ColumnOrName) -> Column:
    """Digits with an optional sign to BIGINT; null beyond its range."""
    return _where(_text(col), _WHOLE).try_cast("bigint")


def to_boolean(col: ColumnOrName) -> Column:
    """`true` or `false` in any case to BOOLEAN."""
    text = F.lower(_text(col))
    return F.when(text == "true", F.lit(True)).when(text == "false", F.lit(False))


def to_date(col: ColumnOrName) -> Column:
    """`YYYY-MM-DD` to DATE; null for a day the calendar does not have."""
    return _where(_text(col), _DATE).try_cast("date")


def to_utc(col: ColumnOrName, time_zone: str) -> Column:
    """`YYYY-MM-DD HH:MM:SS[.ffffff]` to TIMESTAMP (UTC).

    The text is local to `time_zone` unless it ends with `Z` or an offset such as `+08:00`. The zone is named in the
    text that is cast, so the session's zone does not matter.
    """
    text = _text(col)
    local = F.concat(_where(text, _LOCAL_TIME), F.lit(f" {time_zone}"))
    return F.coalesce(local, _where(text, _OFFSET_TIME)).try_cast("timestamp")


def local_date(timestamp: ColumnOrName, time_zone: str) -> Column:
    """The date on the wall calendar of `time_zone` at a UTC timestamp."""
    column = F.col(timestamp) if isinstance(timestamp, str) else timestamp
    return F.to_date(F.from_utc_timestamp(column, time_zone))

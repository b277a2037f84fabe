"""Inputs of restated as-of dates: what came later, up to the night the restatement names, as if it had been on time.

Facts say of which date they speak: a late row is shown as delivered on the night that owns that date. Change logs are
cut by their effective date alone. A log of states says only when a state became known; it is made again from its own
inputs, shown as if on time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brokerlake.catalog import Contract, Input, Table
from brokerlake.errors import PlanError
from brokerlake.run.modules import load_module, make_params
from brokerlake.tables import spark_tables

if TYPE_CHECKING:
    from brokerlake.run.cuts import Cutter

_NIGHTS = pa.schema([("_speaks_of", pa.date32()), ("_on_time", pa.date32())])


def effective_column(source: Table, contract: Contract) -> str | None:
    """The column that says of which date a row speaks, None where only its delivery dates it."""
    return contract.effective_column or (source.log.effective if source.log else None)


def as_if_on_time(cutter: Cutter, frame: DataFrame, day: str, effective: str) -> DataFrame:
    """Rows known through the restatement; those that came after its first date on the night that owns their date."""
    first, calendar = cutter.days[0], cutter.lake.calendar
    owned = [at for at in calendar.natural_days() if at <= cutter.last_known]
    nights = spark_tables.local_frame(cutter.spark, _NIGHTS, [(at, calendar.next_or_same(at)) for at in owned])
    known = frame.where(F.col(day) <= F.lit(cutter.last_known))
    dated = known.join(F.broadcast(nights), on=F.col(effective) == F.col("_speaks_of"), how="left")
    came = F.when(F.col(day) > F.lit(first), F.least(F.col(day), F.col("_on_time"))).otherwise(F.col(day))
    return dated.withColumn(day, came).drop(*_NIGHTS.names)


def restated_log(cutter: Cutter, source: Table) -> DataFrame:
    """All rows of a log of states as its module makes them in one pass over what is known and effective by the dates.

    Raises PlanError for a log whose inputs cannot be shown that way.
    """
    module = load_module(source)
    params = make_params(module, source.name, cutter.lake.settings.parameters(source.name))
    return module.build(**{entry.name: _whole(cutter, source, entry) for entry in source.inputs}, params=params)


def _whole(cutter: Cutter, source: Table, entry: Input) -> object:
    """All nights of an input as those of the run, nothing as earlier."""
    if entry.table is None or entry.table not in cutter.lake.catalogue.tables or entry.dates == "known":
        return cutter.cut(entry)
    contract = cutter.lake.contract(entry.table)
    if entry.dates == "earlier":
        return spark_tables.empty_frame(cutter.spark, contract)
    read = cutter.lake.catalogue[entry.table]
    effective = effective_column(read, contract)
    if entry.dates != "run" or effective is None:
        raise PlanError(f"{source.name}: cannot be restated: input {entry.name} says not of which dates its rows speak")
    rows = cutter.read(read, contract, Input(entry.name, entry.table, "known"))
    rows = rows.where(F.col(effective) <= F.lit(cutter.days[-1]))
    return as_if_on_time(cutter, rows, str(contract.date_column), effective)

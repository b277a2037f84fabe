"""Inputs cut to what was known: `build()` gets exactly what the catalogue declares, and nothing else."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from brokerlake.catalog import Contract, Input, Log, Table
from brokerlake.errors import PlanError
from brokerlake.lake import Lake
from brokerlake.plan.state import LedgerState
from brokerlake.run.asked import MOST_ROWS_ASKED, Cut, Question, Span, answered, few_rows, schema_of, with_key_in
from brokerlake.run.latest import counted_log, latest_known
from brokerlake.run.restated_inputs import as_if_on_time, effective_column, restated_log
from brokerlake.tables import spark_tables
from brokerlake.tables.delta_queries import scan_days

AS_OF = "as_of_date"
MONTH_END = "month_end_date"
KNOWN_ON = "known_on"
ONE_DAY = timedelta(days=1)
WINDOWS = ("trading_days_back", "days_back", "ahead")
SPANNED = ("as_of", *WINDOWS)
MOST_ROWS_IN_PLAN = 20_000
SESSIONS = pa.schema([("calendar", pa.string()), ("natural_date", pa.date32()), ("is_trading_day", pa.bool_())])


class Cutter:
    """Cuts the inputs of one table for the dates it is built for; answers of DuckDB go to the folder `scratch`."""

    def __init__(
        self,
        lake: Lake,
        spark: SparkSession,
        state: LedgerState,
        table: Table,
        days: Sequence[date],
        knows: Callable[[date], date] = lambda day: day,
        *,
        scratch: Path | None = None,
    ) -> None:
        self.lake = lake
        self.spark = spark
        self.state = state
        self.table = table
        self.days = sorted(days)
        self.ahead = table.ahead
        self.knows = knows
        self.scratch = scratch
        self.is_restated = not self.ahead and any(knows(day) != day for day in self.days)
        self.last_known = max(knows(day) for pair in self._pairs() for day in pair) if self._pairs() else self.days[-1]

    def cut(self, entry: Input) -> object:
        """The value of one argument of `build()`."""
        if entry.source == "conf":
            return self.lake.conf_input(str(entry.value))
        if entry.table is None:
            return self._sessions()
        contract = self.lake.contract(entry.table)
        if entry.table not in self.lake.catalogue.tables:
            empty = spark_tables.empty_frame(self.spark, contract)
            return self._with_dates(empty.select(*entry.columns) if entry.columns else empty, entry)
        source = self.lake.catalogue[entry.table]
        if (asked := self._asked(source, contract, entry)) is not None:
            return asked
        frame = self.read(source, contract, entry)
        if entry.dates == "run":
            return self._run_rows(frame, contract)
        if entry.dates == "known":
            day = contract.date_column
            return frame if day is None else frame.where(F.col(day) <= F.lit(self.last_known))
        if entry.dates == "earlier":
            earlier = frame.where(F.col(str(contract.date_column)) < F.lit(self.days[0]))
            return earlier.select(*entry.columns) if entry.columns else earlier
        if entry.dates == "previous":
            return self._previous(frame, source, contract)
        if entry.dates == "as_of":
            return self._as_of(frame, source, contract)
        if entry.dates == "month_ends_back":
            return self._month_ends(frame, entry, contract)
        return self._window(frame, entry, source, contract)

    def read(self, source: Table, contract: Contract, entry: Input) -> DataFrame:
        """The partitions an input can need; a few rows become part of the plan, which is then cut where they end."""
        version = self.state.vector.get(source.name)
        days = self.partitions(source, contract, entry)
        rows = self.rows_of(source, days)
        if version is None or rows == 0:
            return spark_tables.empty_frame(self.spark, contract)
        path = self.lake.settings.table_path(source.name)
        if rows <= MOST_ROWS_IN_PLAN:
            return few_rows(self.spark, Question(path, version, contract, tuple(days)))
        return spark_tables.read_version(self.spark, path, version)

    def rows_of(self, source: Table, days: Sequence[date]) -> int:
        """Rows of these days."""
        return sum(done.row_count for day in days if (done := self.state.get(source.name, day)))

    def _asked(self, source: Table, contract: Contract, entry: Input) -> DataFrame | None:
        """The input as DuckDB cuts it: as of one date, a window of one, or earlier rows of few keys; else None."""
        days = self.partitions(source, contract, entry)
        rows = self.rows_of(source, days)
        if self.scratch is None or rows > MOST_ROWS_ASKED:
            return None
        cut = self._of_earlier(source, contract, entry) or self._of_one_date(source, contract, entry)
        version = self.state.vector.get(source.name)
        if cut is None:
            return None
        if version is None or rows == 0:
            return spark_tables.in_plan(self.spark, schema_of(contract, cut).empty_table())
        path = self.lake.settings.table_path(source.name)
        return answered(
            self.spark, Question(path, version, contract, tuple(days), cut), self.scratch, MOST_ROWS_IN_PLAN
        )

    def _of_earlier(self, source: Table, contract: Contract, entry: Input) -> Cut | None:
        """Earlier rows as the catalogue narrows them; None where it does not."""
        version, day = self.state.vector.get(source.name), contract.date_column
        if not (entry.keys_of or entry.latest or entry.columns) or version is None:
            return None
        where = [f"{day} < DATE '{self.days[0]}'"]
        if entry.keys_of and source.log:
            of_run = scan_days(self.lake.settings.table_path(source.name), version, day, self.days)
            where.append(with_key_in(source.log, of_run))
        return Cut(tuple(where), source.log if entry.latest else None, columns=entry.columns)

    def _of_one_date(self, source: Table, contract: Contract, entry: Input) -> Cut | None:
        """What counts as of the run's only date; None for several dates, restated ones, and tables of as-of dates."""
        if self.is_restated or len(self._pairs()) != 1 or entry.dates not in SPANNED:
            return None
        pair = self._pairs()[0]
        if entry.dates == "as_of":
            if contract.date_column in (None, AS_OF) or source.log is None:
                return None
            span, effective = self._state_span(pair[0]), source.log.effective
            log: Log | None = source.log
        else:
            span, effective = self._span(entry, *pair), effective_column(source, contract)
            log = counted_log(source, entry)
        counts = effective or contract.date_column
        where = [f"{contract.date_column} <= DATE '{span.known}'", f"{counts} <= DATE '{span.last}'"]
        where += [f"{counts} >= DATE '{span.first}'"] if span.first else []
        return Cut(tuple(where), log, {AS_OF: pair[0], **({KNOWN_ON: pair[1]} if self.ahead else {})})

    def partitions(self, source: Table, contract: Contract, entry: Input) -> list[date]:
        """Dates of the source that an input may read; the last one stands for a table without dates."""
        made = self.state.dates(source.name)
        if contract.date_column is None:
            return made[-1:]
        if contract.date_column == AS_OF and entry.dates in ("run", "as_of"):
            wanted = {as_of for as_of, _ in self._pairs()}
            return [day for day in made if day in wanted]
        if entry.dates == "run":
            return [day for day in made if day in set(self.days)]
        if entry.dates == "earlier":
            return [day for day in made if day < self.days[0]]
        if entry.dates == "previous":
            return [day for day in made if day == self.lake.calendar.back(self.days[0], 1)]
        return [day for day in made if day <= max(self.last_known, self.days[-1])]

    def _sessions(self) -> DataFrame:
        calendar = self.lake.calendar
        open_days = set(calendar.days)
        rows = [(calendar.name, day, day in open_days) for day in calendar.natural_days()]
        return spark_tables.local_frame(self.spark, SESSIONS, rows)

    def _dates(self, names: Sequence[str], rows: Sequence[tuple[date | None, ...]]) -> DataFrame:
        return spark_tables.local_frame(self.spark, pa.schema([(name, pa.date32()) for name in names]), rows)

    def _pairs(self) -> list[tuple[date, date]]:
        """(as-of date, the run date that knows) of every run date; they differ for tables that look ahead."""
        dates = [(self.lake.calendar.back(day, self.ahead), day) for day in self.days]
        return [(as_of, known) for as_of, known in dates if as_of]

    def _with_known_on(self, frame: DataFrame) -> DataFrame:
        if not self.ahead:
            return frame
        pairs = self._dates((AS_OF, KNOWN_ON), self._pairs())
        return frame.join(F.broadcast(pairs), on=AS_OF, how="inner")

    def _with_dates(self, frame: DataFrame, entry: Input) -> DataFrame:
        if entry.dates in ("run", "known", "earlier", "previous"):
            return frame
        if entry.dates == "month_ends_back":
            frame = frame.withColumnRenamed(AS_OF, MONTH_END)
        return self._with_known_on(frame.withColumn(AS_OF, F.lit(None).cast("date")))

    def _run_rows(self, frame: DataFrame, contract: Contract) -> DataFrame:
        if contract.date_column is None:
            return frame
        if self.ahead and contract.date_column == AS_OF:
            return self._with_known_on(frame)
        return spark_tables.in_days(frame, contract.date_column, self.days)

    def _previous(self, frame: DataFrame, source: Table, contract: Contract) -> DataFrame:
        made = [day for day in self.state.dates(source.name) if day < self.days[0]]
        before = self.lake.calendar.back(self.days[0], 1)
        if made and before not in made:
            raise PlanError(f"{self.table.name}: {self.days[0]}: {source.name} of {before} was not made")
        return spark_tables.in_days(frame, str(contract.date_column), [before] if before and made else [])

    def spans(self, entry: Input) -> list[Span]:
        """What a window holds, for each as-of date."""
        return [self._span(entry, as_of, known) for as_of, known in self._pairs()]

    def _span(self, entry: Input, as_of: date, known: date) -> Span:
        if entry.dates == "ahead":
            return Span(as_of, self.knows(known), as_of + ONE_DAY, known)
        if entry.dates == "days_back":
            return Span(as_of, self.knows(as_of), as_of - timedelta(days=entry.span - 1), as_of)
        if entry.dates == "trading_days_back":
            before = self.lake.calendar.back(as_of, entry.span)
            first = before + ONE_DAY if before else self.lake.calendar.first
            return Span(as_of, self.knows(as_of), first, as_of)
        raise PlanError(f"{self.table.name}: input {entry.name}: dates {entry.dates} are not served")

    def _state_span(self, as_of: date) -> Span:
        return Span(as_of, self.knows(as_of), None, as_of)

    def _exploded(
        self, frame: DataFrame, spans: list[Span], contract: Contract, effective: str | None, *, once: bool = False
    ) -> DataFrame:
        """Rows per as-of date: delivered by its night and effective inside its span."""
        day = str(contract.date_column)
        counts = effective or day
        if not spans:
            return frame.where(F.lit(False)).withColumn(AS_OF, F.lit(None).cast("date"))
        frame = frame.where(F.col(day) <= F.lit(max(span.known for span in spans)))
        frame = frame.where(F.col(counts) <= F.lit(max(span.last for span in spans)))
        if all(span.first for span in spans):
            return self._joined_by_day(frame, spans, day, counts, once=once)
        dates = self._dates((AS_OF, "_known", "_last"), [(s.as_of, s.known, s.last) for s in spans])
        inside = (F.col(day) <= F.col("_known")) & (F.col(counts) <= F.col("_last"))
        return frame.join(F.broadcast(dates), on=inside, how="inner").drop("_known", "_last")

    def _joined_by_day(
        self, frame: DataFrame, spans: list[Span], day: str, counts: str, *, once: bool = False
    ) -> DataFrame:
        """As `_exploded`, by an equality on the effective date: windows are short, so each day is listed.

        With `once` a row comes with the first as-of date that has it and with no later one.
        """
        listed: list[tuple[date, date, date, date | None]] = []
        had: dict[int, date] = {}
        for span in sorted(spans, key=lambda span: span.as_of):
            for at in range((span.first or span.last).toordinal(), span.last.toordinal() + 1):
                listed.append((date.fromordinal(at), span.as_of, span.known, had.get(at)))
                had[at] = max(span.known, had.get(at, span.known))
        frame = frame.where(F.col(counts) >= F.lit(min(row[0] for row in listed)))
        dates = self._dates(("_day", AS_OF, "_known", "_had"), listed)
        inside = (F.col(counts) == F.col("_day")) & (F.col(day) <= F.col("_known"))
        if once:
            inside = inside & (F.col("_had").isNull() | (F.col(day) > F.col("_had")))
        return frame.join(F.broadcast(dates), on=inside, how="inner").drop("_day", "_known", "_had")

    def _as_of(self, frame: DataFrame, source: Table, contract: Contract) -> DataFrame:
        if contract.date_column in (None, AS_OF):
            return self._run_rows(frame, contract)
        if source.log is None:
            raise PlanError(f"{self.table.name}: {source.name} has no log in the catalogue, so no state as of a date")
        spans = [self._state_span(as_of) for as_of, _ in self._pairs()]
        if self.is_restated and source.log.effective is None:
            dated, day = contract.effective_column, str(contract.date_column)
            frame = as_if_on_time(self, frame, day, dated) if dated else restated_log(self, source)
        exploded = self._exploded(frame, spans, contract, source.log.effective)
        return self._with_known_on(latest_known(exploded, source.log, contract, per=(AS_OF,)))

    def _month_ends(self, frame: DataFrame, entry: Input, contract: Contract) -> DataFrame:
        """An as-of table's rows of the month ends up to each as-of date, that date included, as `month_end_date`.

        A month end that was not made (the lake began later, or no run asked for it) has no rows.
        """
        if contract.date_column != AS_OF or entry.table == self.table.name:
            raise PlanError(f"{self.table.name}: input {entry.name}: month_ends_back is for other tables with {AS_OF}")
        ends = [day for day in self.lake.calendar.days if self.lake.calendar.is_month_end(day)]
        pairs = [(end, as_of) for as_of, _ in self._pairs() for end in ends[: bisect_right(ends, as_of)][-entry.span :]]
        rows = spark_tables.in_days(frame, AS_OF, sorted({end for end, _ in pairs}))
        dates = self._dates((MONTH_END, AS_OF), pairs)
        joined = rows.withColumnRenamed(AS_OF, MONTH_END).join(F.broadcast(dates), on=MONTH_END, how="inner")
        return self._with_known_on(joined)

    def _window(self, frame: DataFrame, entry: Input, source: Table, contract: Contract) -> DataFrame:
        effective = effective_column(source, contract)
        if self.is_restated and effective:
            frame = as_if_on_time(self, frame, str(contract.date_column), effective)
        exploded = self._exploded(frame, self.spans(entry), contract, effective, once=entry.once)
        log = counted_log(source, entry)
        if log is not None:
            exploded = latest_known(exploded, log, contract, per=(AS_OF,))
        return self._with_known_on(exploded)

"""The six outputs of one night by DuckDB, each as one Parquet file; CPU seconds by output as JSON.

python -m benchmarks.beside --home HOME --night 2024-09-05 --outputs FOLDER --report FILE
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from benchmarks.beside import behaviour, customer_360, party_days, trading
from benchmarks.beside.sources import OUTPUTS, Night, add_views, connect
from benchmarks.prepare import open_home
from brokerlake.privacy.keys import current_key
from brokerlake.release.releases import find_release


class Maker:
    """Makes the outputs in turn and notes what each took.

    Attributes:
        seconds: CPU and wall seconds by output.
    """

    def __init__(self, night: Night, connection: duckdb.DuckDBPyConnection) -> None:
        self.night = night
        self.connection = connection
        self.seconds: dict[str, dict[str, float]] = {}

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        cpu, wall = time.process_time(), time.monotonic()
        yield
        self.seconds[name] = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.monotonic() - wall}

    def make(self, name: str, query: Callable[[], str]) -> None:
        """The output as a table of that name and as a Parquet file with the contract's columns."""
        table = name.partition(".")[2]
        columns = ", ".join(column.name for column in self.night.lake.contract(name).columns if column.name[0] != "_")
        with self._timed(name):
            self.connection.execute(f"CREATE TABLE {table} AS {query()}")
            self.connection.execute(
                f"COPY (SELECT {columns} FROM {table}) TO '{self.night.scratch / f'{name}.parquet'}' "
                "(FORMAT parquet, COMPRESSION zstd)"
            )


def make_all(night: Night, connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, float]]:
    """All six in order; CPU and wall seconds by output."""
    maker = Maker(night, connection)
    maker.make(OUTPUTS[0], lambda: trading.executions(night, night.decoded("trading_executions", "gb18030")))
    maker.make(OUTPUTS[1], lambda: trading.cash_flows(night, night.decoded("trading_cash_flows", "gb18030")))
    maker.make(OUTPUTS[2], lambda: behaviour.events(night))
    maker.make(OUTPUTS[3], lambda: behaviour.visits(night))
    maker.make(OUTPUTS[4], lambda: party_days.party_days(night, night.lake.contract(OUTPUTS[4])))

    def people() -> str:
        before, query = customer_360.statements(night, night.lake.contract(OUTPUTS[5]))
        for statement in before:
            connection.execute(statement)
        return query

    maker.make(OUTPUTS[5], people)
    return maker.seconds


def main() -> None:
    """Make the night and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--night", type=date.fromisoformat, required=True)
    parser.add_argument("--outputs", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    given = parser.parse_args()
    lake = open_home(given.home)
    release = find_release(lake.settings, night=given.night)
    given.outputs.mkdir(parents=True, exist_ok=True)
    night = Night(lake, given.night, release.vector, given.outputs)
    # From here on it is DuckDB's work: our imports, catalogue and calendar are not charged to it.
    cpu, began = time.process_time(), time.monotonic()
    connection = connect(given.outputs, current_key(lake.settings))
    add_views(connection, night)
    made = make_all(night, connection)
    for file in given.outputs.glob("*.utf8"):
        file.unlink()
    whole = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.monotonic() - began}
    given.report.write_text(json.dumps({"whole": whole, "outputs": made}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

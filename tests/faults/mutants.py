"""One mutant row set per rule of a table, made from its contract and suite: a new rule brings its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from brokerlake.catalog import Contract, contract_of
from brokerlake.quality.results import CRITICAL
from brokerlake.quality.suites import load_suite, suite_path
from tests.conftest import PROJECT

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Mutant:
    """Rows that one rule of a table must not let pass.

    Attributes:
        severity: what the rule says of itself; critical stops the night, a warning is recorded.
    """

    table: str
    rule: str
    severity: str
    rows: Sequence[Values]

    def day(self, default: date) -> date:
        """The date the rows belong to."""
        column = contract_of(PROJECT, self.table).date_column
        stated = next((row[column] for row in self.rows if column and row.get(column)), default)
        return stated if isinstance(stated, date) else date.fromisoformat(str(stated))


def of_table(table: str) -> Iterator[Mutant]:
    """The mutants of every rule of the contract and of the suite."""
    suite = load_suite(suite_path(PROJECT, table))
    good = dict(suite.examples[0])
    yield from _of_contract(contract_of(PROJECT, table), good)
    for rule in suite.rules:
        mutants = rule.mutant if isinstance(rule.mutant, list) else [rule.mutant]
        yield Mutant(table, rule.id, rule.severity, [{**good, **mutant} for mutant in mutants])


def _of_contract(contract: Contract, good: Values) -> Iterator[Mutant]:
    if contract.key:
        yield Mutant(contract.table, "key_is_unique", CRITICAL, [good, good])
    for column in contract.columns:
        if column.required and column.name != contract.date_column:
            yield Mutant(contract.table, f"{column.name}_is_filled", CRITICAL, [{**good, column.name: None}])

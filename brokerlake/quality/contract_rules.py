"""The contract as named rules: the key is one per date, required columns are filled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from brokerlake.catalog import Contract
from brokerlake.quality.results import CRITICAL, Result
from brokerlake.tables.digests import Measured


def judge_contract(contract: Contract, measured: Mapping[date, Measured]) -> list[Result]:
    """One result per required column and one for the key, over all measured dates."""
    rows = sum(m.row_count for m in measured.values())
    results = [
        Result(
            "schema_is_the_contract", "contract", None, CRITICAL, True, 0, rows, "columns and types as in the contract"
        )
    ]
    if contract.key:
        repeated = sum(m.row_count - m.distinct_keys for m in measured.values())
        sentence = f"{', '.join(contract.version_key)} is there once"
        results.append(Result("key_is_unique", "contract", None, CRITICAL, repeated == 0, repeated, rows, sentence))
    for column in contract.columns:
        if column.required:
            nulls = sum(m.nulls[column.name] for m in measured.values())
            results.append(
                Result(
                    f"{column.name}_is_filled",
                    "contract",
                    column.name,
                    CRITICAL,
                    nulls == 0,
                    nulls,
                    rows,
                    f"{column.name} is never null",
                )
            )
    return results

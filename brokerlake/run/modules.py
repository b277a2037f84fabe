"""A table's own module: found by its name, called with what the catalogue and conf say."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from brokerlake.catalog import Table
from brokerlake.errors import ConfigurationError


def load_module(table: Table) -> ModuleType:
    """jobs/<layer>/<table>.py."""
    layer, _, name = table.name.partition(".")
    return importlib.import_module(f"jobs.{layer}.{name}")


def make_params(module: ModuleType, table: str, values: Mapping[str, Any]) -> Any:
    """The module's Params from conf; raises ConfigurationError when a name is missing or too many."""
    try:
        return module.Params(**values)
    except TypeError as wrong:
        raise ConfigurationError(
            f"conf: parameters of {table}: {str(wrong).replace('Params.__init__() ', '')}"
        ) from wrong

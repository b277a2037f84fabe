"""The catalogue and the contracts: what tables there are, what they need, what they promise."""

from brokerlake.catalog.catalogue import Carried, Catalogue, Input, Log, Table, load_catalogue
from brokerlake.catalog.contracts import SOURCE_COLUMNS, Column, Contract, contract_of, load_contract

__all__ = [
    "SOURCE_COLUMNS",
    "Carried",
    "Catalogue",
    "Column",
    "Contract",
    "Input",
    "Log",
    "Table",
    "contract_of",
    "load_catalogue",
    "load_contract",
]

"""docs/tables.md: every table on one page, with what it is made from; `python -m brokerlake.lineage.index` writes it.

Nothing is typed twice: names, owners and inputs come from the catalogue, grains from the contracts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from brokerlake.catalog import Catalogue, Contract, Input, Table, contract_of, load_catalogue
from brokerlake.schedule.groups import reduce_edges

PAGE = Path("docs") / "tables.md"
INTRODUCTION = """# Tables

Generated from `data_catalog.yaml` and `contracts/` by `python -m brokerlake.lineage.index`; a test holds the two equal.

The name is the path: `gold.rfm` is `jobs/gold/rfm.py`, `contracts/gold/rfm.yaml`, `expectations/gold/rfm.yaml`, and
`lake/gold/rfm` where the data lies. How a table is described and added: [add_a_table.md](add_a_table.md).
"""
LAYERS = {
    "gold": "What people and downstream tools load.",
    "silver": "Typed, judged, deduplicated on the business key, under one vocabulary.",
    "bronze": "Deliveries as they came, identities as tokens. Closed to readers.",
}
GROUPS_TITLE = """## Tasks and what they wait for

One box is one group, run as one Airflow task, with the number of its tables.
Edges that a longer path implies are left out."""
GOLD_TITLE = """## Pictures of the gold tables

What each is made from, one step back. The label says how the input is cut."""

Columns = Mapping[str, Callable[[Table], str]]


def grain(contract: Contract) -> str:
    """What one row is, without the words "One row per"."""
    first = contract.description.partition(". ")[0].rstrip(".")
    return first.removeprefix("One row per ").replace("|", "\\|")


def read_by(catalogue: Catalogue, table: Table) -> list[str]:
    """Named readers, else whoever reads the release where it is public; then the tables made from it."""
    people = table.readers or (("readers of the release",) if table.public else ())
    return [*people, *(f"`{other}`" for other in catalogue.tables if table.name in catalogue[other].sources)]


def cuts_by_source(table: Table) -> dict[str, str]:
    """Per source how its rows are cut, in the catalogue's words; nothing for a file or library."""
    entries: dict[str, list[Input]] = {}
    for entry in table.inputs:
        entries.setdefault(source_name(entry), []).append(entry)
    return {name: _cuts(those) for name, those in entries.items()}


def _cuts(entries: Sequence[Input]) -> str:
    said = [f"{e.dates} {e.span}" if e.span else e.dates for e in entries if e.table]
    optional = ["optional"] if all(e.optional for e in entries) else []
    return ", ".join([*dict.fromkeys(said), *optional])


def source_name(entry: Input) -> str:
    """The table an input comes from, else the file or library."""
    if entry.source == "conf":
        return f"conf/{entry.value}"
    return entry.table or str(entry.value)


def _markdown(columns: Columns, tables: Iterable[Table]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return lines + [f"| {' | '.join(show(table) for show in columns.values())} |" for table in tables]


def _tables(catalogue: Catalogue, layer: str) -> list[Table]:
    """The layer's tables in the order of the file."""
    return [table for table in catalogue.tables.values() if table.layer == layer]


def _layer(catalogue: Catalogue, contracts: Mapping[str, Contract], layer: str) -> list[str]:
    tables = _tables(catalogue, layer)
    columns: Columns = {
        "table": lambda t: f"[`{t.name}`](../contracts/{layer}/{t.name.partition('.')[2]}.yaml)",
        "one row per": lambda t: grain(contracts[t.name]),
        "owner": lambda t: t.owner,
        "tier": lambda t: t.impact.removeprefix("tier_"),
        "group": lambda t: t.group,
        "written": lambda t: t.write.replace("_", " "),
        "read by": lambda t: ", ".join(read_by(catalogue, t)) or "-",
    }
    return [f"## {layer.capitalize()} ({len(tables)})", "", LAYERS[layer], "", *_markdown(columns, tables), ""]


def _sources(table: Table) -> str:
    if table.feed:
        return f"feed `landing/{table.feed}/`"
    return "; ".join(f"`{name}`" + (f" ({cuts})" if cuts else "") for name, cuts in cuts_by_source(table).items())


def _feeds(catalogue: Catalogue, table: Table) -> str:
    """The feeds it rests on, near or far."""
    above = {name for name in catalogue.tables if table.name in catalogue.downstream(name)}
    return ", ".join(str(t.feed) for t in _tables(catalogue, "bronze") if t.name in above) or "-"


def _made_from(catalogue: Catalogue) -> list[str]:
    tables = [*_tables(catalogue, "gold"), *_tables(catalogue, "silver")]
    columns: Columns = {
        "table": lambda t: f"`{t.name}`",
        "made from (how it is cut)": _sources,
        "feeds it rests on": lambda t: _feeds(catalogue, t),
    }
    return ["## What each is made from", "", *_markdown(columns, tables), ""]


def _mermaid(lines: Sequence[str]) -> list[str]:
    return ["```mermaid", "flowchart LR", *(f"  {line}" for line in lines), "```", ""]


def _groups_picture(catalogue: Catalogue) -> list[str]:
    boxes = [
        f'{group}["{group} ({len(catalogue.of_group(group))})"]'
        for group in catalogue.groups
        if catalogue.of_group(group)
    ]
    edges = [f"{above} --> {below}" for above, below in reduce_edges(catalogue.group_edges)]
    return [GROUPS_TITLE, "", *_mermaid([*boxes, *edges])]


def _node(name: str) -> str:
    return f'{name.replace(".", "_").replace("/", "_")}["{name}"]'


def _gold_picture(table: Table) -> list[str]:
    lines = [
        " ".join([_node(name), f'-- "{cuts}" -->' if cuts else "-->", _node(table.name)])
        for name, cuts in cuts_by_source(table).items()
    ]
    return [f"<details><summary>{table.name}</summary>", "", *_mermaid(lines), "</details>", ""]


def table_index(catalogue: Catalogue, contracts: Mapping[str, Contract]) -> str:
    """The page in Markdown: the layers' tables, what each is made from, and the pictures of it."""
    lines = [INTRODUCTION]
    for layer in LAYERS:
        lines += _layer(catalogue, contracts, layer)
    lines += _made_from(catalogue)
    lines += _groups_picture(catalogue)
    lines += [GOLD_TITLE, ""]
    for table in _tables(catalogue, "gold"):
        lines += _gold_picture(table)
    return "\n".join(lines).rstrip("\n") + "\n"


def project_index(project: Path) -> str:
    """The page of the project in that folder."""
    catalogue = load_catalogue(project / "data_catalog.yaml")
    return table_index(catalogue, {name: contract_of(project, name) for name in catalogue.order})


def main() -> int:
    """Write the page of this project."""
    project = Path(__file__).resolve().parent.parent.parent
    (project / PAGE).write_text(project_index(project), encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())

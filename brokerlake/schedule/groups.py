"""The night's tasks: one per group of the catalogue, with edges, owner, tier and text derived from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from brokerlake.catalog import Catalogue, Table

LANDING, PUBLISH, REPORT = "landing", "publish", "report"
PLATFORM = "data-platform"
ON_CALL = {"tier_1": "call now", "tier_2": "next morning", "tier_3": "this week"}
MACHINE_TEXT = {
    LANDING: "Takes the night's deliveries: every manifest against its files, then `ops.manifests`.",
    PUBLISH: "Reconciles the totals and makes one release row visible to all readers.",
    REPORT: "Writes the steward's page of the night.",
}


@dataclass(frozen=True)
class GroupTask:
    """One task of the night.

    Attributes:
        tables: what it builds, in run order; none for landing, publish and report.
        upstream: tasks that must have succeeded, the least that says so.
        owner: team that owns its tables; several are joined by a comma.
        impact: the highest impact tier among its tables.
    """

    name: str
    tables: tuple[Table, ...]
    upstream: tuple[str, ...]
    owner: str
    impact: str

    @property
    def text(self) -> str:
        """Markdown for the task's page in Airflow."""
        head = f"**{self.name}** - owner {self.owner}, impact {self.impact}: {ON_CALL[self.impact]}.\n\n"
        if not self.tables:
            return head + MACHINE_TEXT[self.name]
        lines = ["| table | owner | impact | read by |", "|---|---|---|---|"]
        lines += [f"| {t.name} | {t.owner} | {t.impact} | {', '.join(t.readers)} |" for t in self.tables]
        return head + "\n".join(lines)


def reduce_edges(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges without those that a longer path implies, sorted; `edges` must have no cycle."""
    after: dict[str, set[str]] = {}
    for above, below in edges:
        after.setdefault(above, set()).add(below)

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = list(after.get(start, ()))
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(after.get(node, ()))
        return found

    implied = {(above, far) for above in after for near in after[above] for far in reached(near)}
    return sorted({(above, below) for above in after for below in after[above]} - implied)


def night_edges(catalogue: Catalogue) -> list[tuple[str, str]]:
    """(upstream, downstream) of all tasks: landing first, then the catalogue's own edges, publish, report."""
    building = [group for group in catalogue.groups if catalogue.of_group(group)]
    edges = [*catalogue.group_edges, *((LANDING, group) for group in building)]
    edges += [(group, PUBLISH) for group in building]
    return reduce_edges([*edges, (LANDING, PUBLISH), (PUBLISH, REPORT)])


def server_edges(catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Groups that build tables in Spark: those no other one of them stands before, those none stands behind."""
    names = [g for g in catalogue.groups if any(table.layer != "bronze" for table in catalogue.of_group(g))]
    start, stop = "(start)", "(stop)"
    edges = [*night_edges(catalogue), *((start, g) for g in names), *((g, stop) for g in names)]
    reduced = reduce_edges(edges)
    return [below for above, below in reduced if above == start], [above for above, below in reduced if below == stop]


def night_tasks(catalogue: Catalogue) -> list[GroupTask]:
    """The tasks in the catalogue's order of groups; a group none of whose tables can run has none."""
    edges = night_edges(catalogue)
    tasks = []
    for name in catalogue.groups:
        tables = catalogue.of_group(name)
        if not tables and name not in MACHINE_TEXT:
            continue
        owners = sorted({table.owner for table in tables}) or [PLATFORM]
        impact = min((table.impact for table in tables), default="tier_1")
        upstream = tuple(above for above, below in edges if below == name)
        tasks.append(GroupTask(name, tables, upstream, ", ".join(owners), impact))
    return tasks


def public_gold(catalogue: Catalogue) -> list[Table]:
    """The tables other teams may schedule on."""
    return [table for table in catalogue.of_layer("gold") if table.public]

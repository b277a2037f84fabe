"""Tables of a run, several at a time in one session, each as soon as its sources are done.

Of those that could start, the one with the longest chain of tables behind it does: what nothing waits for fills the
gaps in which a table of the chain leaves the machine idle.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache

from brokerlake.catalog import Table

log = logging.getLogger(__name__)


def run_in_order(tables: Sequence[Table], step: Callable[[Table], None], at_a_time: int) -> None:
    """Run `step` on every table, sources first; the first error stops new steps and is raised at the end."""
    waiting = {table.name: set(table.sources) for table in tables}
    names = set(waiting)
    behind = chains_behind(tables)
    by_name = {table.name: table for table in sorted(tables, key=lambda table: -behind[table.name])}
    running: dict[Future[None], str] = {}
    error: BaseException | None = None
    with ThreadPoolExecutor(max_workers=at_a_time) as pool:
        while waiting or running:
            free = at_a_time - len(running)
            ready = [name for name in by_name if name in waiting and not waiting[name] & names][:free]
            for name in ready if error is None else ():
                del waiting[name]
                running[pool.submit(step, by_name[name])] = name
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                names.discard(name)
                if future.exception() is not None:
                    log.error("%s failed", name, exc_info=future.exception())
                    error = error or future.exception()
    if error is not None:
        raise error


def chains_behind(tables: Sequence[Table]) -> dict[str, int]:
    """How many tables follow each in the longest chain of tables that read one another."""
    readers = {table.name: [t.name for t in tables if table.name in t.sources] for table in tables}

    @cache
    def behind(name: str) -> int:
        return max((1 + behind(reader) for reader in readers[name]), default=0)

    return {name: behind(name) for name in readers}

"""Tables of a run, several at a time in one session, each as soon as its sources are done."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from brokerlake.catalog import Table

log = logging.getLogger(__name__)


def run_in_order(tables: Sequence[Table], step: Callable[[Table], None], at_a_time: int) -> None:
    """Run `step` on every table, sources first; the first error stops new steps and is raised at the end."""
    waiting = {table.name: set(table.sources) for table in tables}
    names = set(waiting)
    by_name = {table.name: table for table in tables}
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

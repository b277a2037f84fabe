"""One run at a time per lake: who holds it, in which epoch, and its last sign of life.

The record is one small file beside the tables, `lake/_lease/record.json`, changed by compare-and-set under `flock`. A
run takes one epoch for all its tasks; each task gives a sign of life while it works and asks for the epoch before it
commits. A task holds a lock file of its own for as long as its process lives, so that a second attempt of the same
task knows for sure whether the first is gone; another run waits for the time-out instead.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, TextIO

from brokerlake.errors import BrokerlakeError, LeaseError
from brokerlake.settings import Settings

WHOLE = "whole"
"""Task of a run that makes everything in one process; it shares its run with no other task."""
PREDECESSOR_SECONDS = 5.0
"""How long a task waits for an earlier attempt of itself that is just being stopped."""


@dataclass(frozen=True)
class Holder:
    """A task at work."""

    task: str
    host: str
    pid: int


@dataclass(frozen=True)
class Record:
    """The state of the lease.

    Attributes:
        epoch: counts up each time the lease changes hands; what an older epoch writes does not count.
        run_id: the run that holds it, None when it is free.
        holders: its tasks at work.
        taken_at: seconds since 1970 at which the run took it.
        last_beat: seconds since 1970 of the last sign of life.
        has_ended: the run is over, so the lease is free as soon as no task is at work.
        note: why it was broken, of the last break.
    """

    epoch: int = 0
    run_id: str | None = None
    holders: tuple[Holder, ...] = ()
    taken_at: float = 0.0
    last_beat: float = 0.0
    has_ended: bool = False
    note: str | None = None

    def is_expired(self, now: float, timeout_seconds: float) -> bool:
        """True when no sign of life came for longer than the time-out."""
        return now - self.last_beat > timeout_seconds


class _Store:
    """The record on a local disk."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.lake / "_lease"

    def read(self) -> Record:
        try:
            found: dict[str, Any] = json.loads((self.folder / "record.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Record()
        return Record(**{**found, "holders": tuple(Holder(**holder) for holder in found["holders"])})

    def write(self, record: Record) -> None:
        new = self.folder / "record.json.new"
        new.write_text(json.dumps(asdict(record)), encoding="utf-8")
        os.replace(new, self.folder / "record.json")

    @contextmanager
    def locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def try_task(self, run_id: str, task: str) -> TextIO | None:
        """The task's lock file, locked; None while another process, or another thread of this one, has it."""
        path = self.folder / "tasks" / f"{run_id.replace(':', '_')}.{task}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except BlockingIOError:
            pass
        file.close()
        return None

    def is_at_work(self, run_id: str, holder: Holder) -> bool:
        file = self.try_task(run_id, holder.task)
        if file is not None:
            give_back(file)
        return file is None


def give_back(file: TextIO) -> None:
    """Remove the lock file and unlock it, in this order: whoever waits for the old one sees that it is gone."""
    os.unlink(file.name)
    file.close()


class Lease:
    """The lease as one task holds it."""

    def __init__(self, store: _Store, run_id: str, task: str, epoch: int) -> None:
        self._store = store
        self.run_id = run_id
        self.task = task
        self.epoch = epoch

    def check(self) -> None:
        """Raise LeaseError when the run no longer holds the lease: what it would commit must not count."""
        record = self._store.read()
        if record.epoch != self.epoch:
            raise LeaseError(
                f"{self.run_id}: {self.task} has lost the lease: {_why_lost(record)}; nothing is committed"
            )

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Nobody can take the lease over while the block runs; raises LeaseError when somebody has."""
        with self._store.locked():
            self.check()
            yield

    def end(self) -> None:
        """The run is over: the lease is free as soon as its last task has left."""
        self._change(has_ended=True)

    def beat(self) -> None:
        """A sign of life."""
        self._change(last_beat=time.time())

    def _change(self, **values: Any) -> None:
        with self._store.locked():
            record = self._store.read()
            if record.epoch == self.epoch:
                self._store.write(replace(record, **values))

    def leave(self) -> None:
        """This task is done; frees the lease when the run is over and no other task is at work."""
        with self._store.locked():
            record = self._store.read()
            if record.epoch != self.epoch:
                return
            holders = tuple(holder for holder in record.holders if holder.task != self.task)
            is_free = record.has_ended and not holders
            run_id = None if is_free else record.run_id
            self._store.write(replace(record, run_id=run_id, holders=holders, last_beat=time.time()))


@contextmanager
def hold(settings: Settings, run_id: str, task: str = WHOLE) -> Iterator[Lease]:
    """The lease for one task of a run, with its signs of life.

    A whole run ends with its task. Of a run in several tasks, the publishing one ends it (`Lease.end`), and so does one
    that fails for a cause that a second try cannot cure; after a crash the lease waits for the next try.

    Raises:
        LeaseError: another run holds the lake, or another attempt of this task is still at work; one line names it.
    """
    store = _Store(settings)
    mine = _task_lock(store, run_id, task)
    try:
        lease = _take(store, run_id, task, _timeout_seconds(settings.conf))
        done = threading.Event()
        beat_seconds = float(settings.conf["lease"]["beat_seconds"])
        beats = threading.Thread(target=_beat, args=(lease, done, beat_seconds), name="lease", daemon=True)
        beats.start()
        try:
            yield lease
        except BrokerlakeError:
            with suppress(OSError):
                lease.end()
            raise
        finally:
            done.set()
            beats.join()
            with suppress(OSError):  # a full disk must not hide the cause; the lease then waits for the next attempt
                if task == WHOLE:
                    lease.end()
                lease.leave()
    finally:
        give_back(mine)


def _beat(lease: Lease, done: threading.Event, seconds: float) -> None:
    while not done.wait(seconds):
        with suppress(OSError):  # one sign of life that could not be written is none; the next one may be
            lease.beat()


def _timeout_seconds(conf: Mapping[str, Any]) -> float:
    return 60.0 * float(conf["lease"]["timeout_minutes"])


def _task_lock(store: _Store, run_id: str, task: str) -> TextIO:
    until = time.monotonic() + PREDECESSOR_SECONDS
    while (file := store.try_task(run_id, task)) is None:
        if time.monotonic() >= until:
            at_work = [holder for holder in store.read().holders if holder.task == task]
            raise LeaseError(f"{run_id}: {_named(run_id, at_work)} is still at work")
        time.sleep(0.1)
    return file


def _take(store: _Store, run_id: str, task: str, timeout_seconds: float) -> Lease:
    me, now = Holder(task, socket.gethostname(), os.getpid()), time.time()
    with store.locked():
        record = store.read()
        if record.run_id == run_id:
            others = _others_of_the_run(store, record, run_id, task)
            taken = replace(record, holders=(*others, me), last_beat=now, has_ended=False)
        elif record.run_id is None or record.is_expired(now, timeout_seconds):
            taken = Record(record.epoch + 1, run_id, (me,), now, now, note=record.note)
        else:
            raise LeaseError(f"{run_id}: {held_by(record, now, timeout_seconds)}")
        store.write(taken)
    return Lease(store, run_id, task, taken.epoch)


def _others_of_the_run(store: _Store, record: Record, run_id: str, task: str) -> list[Holder]:
    """The other tasks of the same run at work; LeaseError when this one cannot work beside them."""
    others = [holder for holder in record.holders if holder.task != task and store.is_at_work(run_id, holder)]
    clashing = [holder for holder in others if WHOLE in (holder.task, task)]
    if clashing:
        raise LeaseError(f"{run_id}: {_named(run_id, clashing)} is still at work")
    return others


def _named(run_id: str, holders: list[Holder]) -> str:
    where = ", ".join(f"{holder.task} on {holder.host}, process {holder.pid}" for holder in holders)
    return f"{run_id} ({where or 'between two tasks'})"


def held_by(record: Record, now: float, timeout_seconds: float) -> str:
    """Who holds the lease and what can be done about it, in one line."""
    return (
        f"the lake is held by {_named(str(record.run_id), list(record.holders))}, last sign of life "
        f"{max(0.0, now - record.last_beat):.0f} s ago; it is free after {timeout_seconds / 60:g} minutes without one, "
        "or by `brokerlake lease break --why`"
    )


def _why_lost(record: Record) -> str:
    if record.run_id is None:
        return f"it was broken ({record.note})" if record.note else "it was given up"
    return f"{record.run_id} holds it"


def read_lease(settings: Settings) -> Record:
    """The record as it stands."""
    return _Store(settings).read()


def describe_lease(settings: Settings) -> str:
    """One line for a person."""
    record = read_lease(settings)
    if record.run_id is None:
        return f"the lease is free (epoch {record.epoch})" + (f"; last broken: {record.note}" if record.note else "")
    taken = datetime.fromtimestamp(record.taken_at, UTC)
    line = held_by(record, time.time(), _timeout_seconds(settings.conf))
    return f"{line} (epoch {record.epoch}, since {taken:%Y-%m-%d %H:%M:%S} UTC)"


def break_lease(settings: Settings, why: str) -> Record:
    """Take the lease from whoever holds it; the record as it was. What that run left unpublished is not read again.

    Raises LeaseError when nobody holds it.
    """
    store = _Store(settings)
    with store.locked():
        before = store.read()
        if before.run_id is None:
            raise LeaseError("lease break: nobody holds the lease")
        store.write(Record(before.epoch + 1, note=f"{before.run_id}: {why}"))
    return before

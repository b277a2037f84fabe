"""`make nightly`: the next night through Airflow; on an empty lake first a made-up broker and its history.

The steps share nothing but files: extracts and history are made by processes of their own, so that their memory is
free again when the night begins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from brokerlake.cli.progress import Progress
from brokerlake.cli.synth import HISTORY_START
from brokerlake.errors import BrokerlakeError, LandingError, PlanError
from brokerlake.lake import Lake, open_lake
from brokerlake.release.releases import Release, current_release
from brokerlake.rights import close_folders
from brokerlake.schedule.manifests import is_delivered
from brokerlake.schedule.tasks import PROGRESS_VARIABLE
from brokerlake.session import ONE_PROCESS_VARIABLE
from brokerlake.settings import CONF_VARIABLE, HOME_VARIABLE, PROFILE_VARIABLE, Settings, load_settings
from brokerlake.setup.airflow_home import airflow_environment, ensure_airflow
from brokerlake.step_times import Clock
from brokerlake.summary import show_summary

CUSTOMERS = 2000
HISTORY_NIGHTS = 400
LOOK_SECONDS = 0.5


class NightError(BrokerlakeError):
    """A step of `make nightly` failed; names its cause and log."""


def landed_nights(lake: Lake) -> list[date]:
    """Trading days for which landing holds deliveries of every required feed, ascending."""
    required = [feed for feed, transport in lake.feeds.items() if transport.get("required")] or list(lake.feeds)
    folders = (lake.settings.landing / required[0]).glob("*-*-*")
    days = sorted(date.fromisoformat(folder.name) for folder in folders)
    landing = lake.settings.landing
    return [
        day
        for day in days
        if lake.calendar.is_trading_day(day) and all(is_delivered(landing, feed, day) for feed in required)
    ]


def environment(settings: Settings) -> dict[str, str]:
    """Variables under which another process works on the same lake."""
    return {
        HOME_VARIABLE: str(settings.home),
        PROFILE_VARIABLE: settings.profile,
        CONF_VARIABLE: str(settings.conf_folder),
        "PYTHONUNBUFFERED": "1",
    }


def run_command(settings: Settings, *arguments: str) -> None:
    """A `brokerlake` command in a process of its own; it tells its progress itself.

    Raises:
        NightError: it failed (it has said why on standard error).
    """
    command = [sys.executable, "-m", "brokerlake", *arguments]
    code = subprocess.run(command, env={**os.environ, **environment(settings)}, cwd=settings.project).returncode
    if code != 0:
        raise NightError(f"{arguments[0]} failed; nothing was published by it")


def make_extracts(settings: Settings, first: date, last: date) -> None:
    """Extracts of the made-up broker; an unfinished attempt before this one is repeated.

    The marker says that landing holds an attempt that did not finish, so that it is never taken for a delivery.
    """
    marker = settings.private / "demo" / "unfinished_extracts"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(f"{first} {last}\n", encoding="utf-8")
    run_command(settings, "synth", "--customers", str(CUSTOMERS), "--from", str(first), "--to", str(last))
    marker.unlink()


def unfinished_extracts(settings: Settings) -> tuple[date, date] | None:
    """First and last day of an attempt to make extracts that did not finish."""
    marker = settings.private / "demo" / "unfinished_extracts"
    if not marker.exists():
        return None
    first, last = marker.read_text(encoding="utf-8").split()
    return date.fromisoformat(first), date.fromisoformat(last)


def first_extracts(lake: Lake) -> tuple[date, date] | None:
    """First and last day of the extracts to make for an empty lake; None when landing holds deliveries."""
    landing = lake.settings.landing
    if (unfinished := unfinished_extracts(lake.settings)) or (landing.is_dir() and any(landing.iterdir())):
        return unfinished
    start = lake.calendar.next_or_same(HISTORY_START)
    days = lake.calendar.between(start, lake.calendar.last)[: HISTORY_NIGHTS + 1]
    return days[0], days[-1]


def first_nights(lake: Lake) -> tuple[tuple[date, date] | None, date]:
    """First and last night of the history that landing holds, None when there is none, and the night after it.

    Raises:
        LandingError: landing holds no whole night.
    """
    nights = landed_nights(lake)
    if not nights:
        raise LandingError("landing: no night has a manifest of every required feed; `brokerlake status` names them")
    return ((nights[0], nights[-2]) if len(nights) > 1 else None), nights[-1]


def prepare_first(lake: Lake, clock: Clock) -> date:
    """Extracts if there are none, history by one range backfill; the night that is left to run."""
    if extracts := first_extracts(lake):
        print(f"Making the extracts of a broker with {CUSTOMERS:,} customers and {HISTORY_NIGHTS} days of history")
        with clock.step("extracts"):
            make_extracts(lake.settings, *extracts)
    history, night = first_nights(lake)
    if history:
        first, last = map(str, history)
        print(f"Loading the history, {first} to {last}, in one pass")
        with clock.step("history"):
            run_command(lake.settings, "backfill", "--from", first, "--to", last, "--as-of", "sparse")
    return night


def next_night(lake: Lake, release: Release) -> tuple[date, bool]:
    """The trading day after the release, and whether its extracts are to be made, as they are for the made-up broker.

    Raises:
        PlanError: a real broker's deliveries are not there.
    """
    night = lake.calendar.next(release.night)
    if night in landed_nights(lake) and unfinished_extracts(lake.settings) is None:
        return night, False
    if not (lake.settings.home / "truth").is_dir():
        raise PlanError(f"night {night}: its deliveries are not in landing/; `brokerlake status` says which")
    return night, True


def prepare_next(lake: Lake, release: Release, clock: Clock) -> date:
    """The next trading day, with its extracts."""
    night, is_made = next_night(lake, release)
    if is_made:
        print(f"Making the extracts of {night}")
        with clock.step("extracts"):
            make_extracts(lake.settings, night, night)
    return night


def _relay(file: Path, read: int, progress: Progress, clock: Clock, begun: dict[str, float]) -> int:
    """Show progress lines written since `read` bytes, time the tasks; bytes read by now."""
    if not file.exists():
        return read
    with file.open("rb") as lines:
        lines.seek(read)
        for raw in lines:
            if not raw.endswith(b"\n"):
                break
            read += len(raw)
            line = raw.decode("utf-8", errors="replace").rstrip("\n")
            task, _, text = line.partition(": ")
            if text == "started":
                begun[task] = time.monotonic()
            elif text == "finished" and task in begun:
                clock.seconds[f"  {task}"] = time.monotonic() - begun[task]
            progress(line)
    return read


def run_airflow(settings: Settings, night: date, clock: Clock) -> None:
    """The night by `airflow dags test nightly`, its tasks shown as they go; the output is in logs/.

    Raises:
        NightError: a task failed; says its cause in one line.
    """
    home, dags = settings.home / ".airflow", settings.project / "dags"
    log = settings.logs / f"airflow-{night}.log"
    told = settings.private / "demo" / f"progress-{night}"
    told.parent.mkdir(parents=True, exist_ok=True)
    told.unlink(missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    ensure_airflow(home, dags, Path(sys.executable), settings.logs / "setup-airflow.log")
    variables: Mapping[str, str] = {**os.environ, **environment(settings), **airflow_environment(home, dags)}
    command = [sys.executable, "-m", "airflow", "dags", "test", "nightly", str(night)]
    command += ["--conf", json.dumps({"night": str(night)})]
    begun: dict[str, float] = {}
    idle = "Airflow, between two tasks"
    with (
        log.open("ab") as out,
        Progress(idle=idle) as progress,
        clock.step("night through Airflow"),
    ):
        progress(f"airflow dags test nightly {night}; its output goes to {log}")
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=settings.project,
            env={**variables, PROGRESS_VARIABLE: str(told), ONE_PROCESS_VARIABLE: "1"},
        )
        read = 0
        try:
            while process.poll() is None:
                time.sleep(LOOK_SECONDS)
                read = _relay(told, read, progress, clock, begun)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        _relay(told, read, progress, clock, begun)
    if process.returncode != 0:
        raise NightError(f"night {night}: {_cause(told)}; the whole output is in {log}")


def _cause(told: Path) -> str:
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    failed = [line.replace(": FAILED ", ": ") for line in lines if ": FAILED " in line]
    return failed[0] if failed else "Airflow ended without saying why"


def run_next_night(settings: Settings) -> tuple[Lake, Release, Clock]:
    """Everything up to a published release.

    Raises:
        BrokerlakeError: a step failed; the release before is still served.
    """
    close_folders(settings)
    lake, clock = open_lake(settings), Clock()
    before = current_release(settings)
    night = prepare_first(lake, clock) if before is None else prepare_next(lake, before, clock)
    base = current_release(settings)
    print(f"Running the night of {night}")
    run_airflow(settings, night, clock)
    release = current_release(settings)
    if release is None or release.night != night or (base and release.number == base.number):
        raise NightError(f"night {night}: Airflow finished, but no release of that night was published")
    return lake, release, clock


def show_report(settings: Settings) -> None:
    """Write the steward's page of the current release anew, and say where it is."""
    from brokerlake.reports.steward import write_steward_report

    lake = open_lake(settings)
    release = current_release(settings)
    if release is None:
        raise PlanError("report: nothing is published yet; `make nightly` runs the first night")
    print(write_steward_report(lake, release))


def main(arguments: list[str]) -> int:
    """Run the next night and sum it up, or with --report say where the page is; 1 after one line when it failed."""
    from brokerlake.setup.progress import SetupError

    settings = load_settings()
    try:
        if "--report" in arguments:
            show_report(settings)
            return 0
        show_summary(*run_next_night(settings))
    except (BrokerlakeError, SetupError) as error:
        print(f"brokerlake: {error}", file=sys.stderr)
        served = current_release(settings)
        print(f"Still served: {f'release {served.number}' if served else 'nothing yet'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("brokerlake: interrupted; `make nightly` goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What every test may use: one Spark session a worker, rows made from contracts, and a scratch home."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from brokerlake.session import INTERPRETING
from brokerlake.settings import Settings, load_settings

PROJECT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TZ", "UTC")
JVM_OPTIONS = (
    "-XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -Xmn640m "
    "-XX:LoopOptsCount=6 -XX:LoopUnrollLimit=1 -XX:-UseSuperWord -XX:-PartialPeelLoop -XX:-SplitIfBlocks "
    "-XX:MaxInlineLevel=9 -XX:InlineSmallCode=1200 "
    "-XX:Tier4InvocationThreshold=15000 -XX:Tier4MinInvocationThreshold=2000 -XX:Tier4CompileThreshold=45000"
)
"""A worker makes tiny plans for many minutes: the optimising compiler pays, for what is hot and with little effort."""
COMPILED = {"spark.sql.codegen.factoryMode": "FALLBACK", "spark.sql.codegen.wholeStage": "true"}
"""As outside tests, where plans see many rows; those of tests see few and are all interpreted."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for Spark is marked so. It is slow, but for one or two of each layer, the smoke tests; these
    share a worker, so that `make test-fast` starts one JVM.
    """
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")
            is_smoke = item.get_closest_marker("smoke") is not None
            item.add_marker(pytest.mark.xdist_group("smoke") if is_smoke else "slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop when xdist does not keep groups together: each worker would make every costly fixture again."""
    grouped = (item for item in session.items if item.get_closest_marker("xdist_group"))
    if os.environ.get("PYTEST_XDIST_WORKER") and any("@" not in item.nodeid for item in grouped):
        raise pytest.UsageError("xdist_group has no effect: this pytest-xdist does not fit this pytest")


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def test_settings() -> Settings:
    """Settings of a scratch home, sized for a worker of tests."""
    home = Path(tempfile.mkdtemp(prefix="brokerlake-tests-"))
    settings = load_settings(home=home, profile="local")
    settings.conf["spark"].update(  # type: ignore[attr-defined]
        {
            "heap": "2g",
            "shuffle_partitions": 2,
            "jvm_options": JVM_OPTIONS,
            "settings": INTERPRETING,
        }
    )
    return settings


@pytest.fixture(scope="session")
def spark(test_settings: Settings):
    """The worker's session."""
    from brokerlake.session import open_session

    return open_session(test_settings)

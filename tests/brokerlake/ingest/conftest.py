"""A scratch home for each test of an ingest."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokerlake.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, profile="local")

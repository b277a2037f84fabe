"""The audit of licences and advisories finds what it must, without a network, and finds nothing in this project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from brokerlake.audit import audit, read_pins
from brokerlake.errors import ConfigurationError
from tests.conftest import PROJECT

LOCKS = ("requirements.lock", "jars.lock", "audit.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in LOCKS:
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def change(project: Path, name: str, old: str, new: str) -> None:
    text = (project / name).read_text(encoding="utf-8")
    assert re.search(old, text)
    (project / name).write_text(re.sub(old, new, text, count=1), encoding="utf-8")


def test_audit__this_project__nothing_wrong_and_every_pin_looked_at():
    assert audit(PROJECT) == []
    assert len(read_pins(PROJECT / "requirements.lock")) > 150
    lint = (PROJECT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    assert "-m brokerlake.audit" in lint


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("audit.yaml", "colorama: BSD-3-Clause", "colorama: GPL-3.0-only", "colorama: licence GPL-3.0-only"),
        ("audit.yaml", "    - Apache-2.0\n", "", "apache-airflow: licence Apache-2.0 is not allowed"),
        ("audit.yaml", "    colorama: .*\n", "", "colorama: not installed here; state its licence"),
        ("audit.yaml", "io.delta:delta-storage: Apache-2.0", "io.delta:other: MIT", "delta-storage: licence unknown"),
        ("requirements.lock", "\njinja2==3.1.6", "\njinja2==3.1.5", "jinja2: CVE-2025-27516: 3.1.5 is affected"),
        ("audit.yaml", 'pyyaml, affected: "<5.4"', 'pyyaml, affected: "<99"', "pyyaml: CVE-2020-14343: 6.0.3 is"),
        ("audit.yaml", "CVE-2020-14343, verdict: fixed", "X-1, verdict: accepted, reason: r", "X-1: accepted, but"),
        ("audit.yaml", "id: CVE-2020-14343, verdict: fixed", "id: X-2, verdict: maybe", "X-2: verdict must be"),
        ("audit.yaml", "package: pyyaml,", "package: nothing-here,", "nothing-here: CVE-2020-14343: no lock pins it"),
        ("audit.yaml", '"<5.4"', '"below 5.4"', "below 5.4 is no range of versions"),
    ],
)  # fmt: skip
def test_audit__one_thing_changed__that_thing_named(project, name, old, new, fault):
    change(project, name, old, new)
    assert [line for line in audit(project) if fault in line], audit(project)


def test_audit__affected_and_accepted_with_a_reason__passes(project):
    change(
        project,
        "audit.yaml",
        '"<5.4", id: CVE-2020-14343, verdict: fixed',
        '"<99", id: X, verdict: accepted, reason: r',
    )
    assert audit(project) == []


def test_audit__file_of_another_shape__one_line(project):
    (project / "audit.yaml").write_text("licences: []")
    with pytest.raises(ConfigurationError, match="audit.yaml: not of the shape"):
        audit(project)


def test_audit__as_make_lint_calls_it__exit_code_0():
    done = subprocess.run([sys.executable, "-m", "brokerlake.audit"], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

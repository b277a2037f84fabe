from __future__ import annotations

import os
from pathlib import Path

import pytest

from brokerlake.setup import java
from brokerlake.setup.java import ensure_java, find_java, version_of
from brokerlake.setup.progress import SetupError


def fake_java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return home


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without Java and without apt."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java, "COMMON_FOLDERS", (str(tmp_path / "jvm" / "*17*"),))
    monkeypatch.setattr(java.shutil, "which", lambda name: None)
    return tmp_path


def test_version_of__working_broken_and_missing__major_or_none(tmp_path):
    assert version_of(fake_java(tmp_path / "a", "17.0.15"))[0] == 17
    assert version_of(tmp_path / "b") is None
    (fake_java(tmp_path / "c", "17") / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    assert version_of(tmp_path / "c") is None


def test_find_java__java_home_is_another_version__the_usual_folders_are_looked_at(nowhere, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(nowhere / "eleven", "11.0.2")))
    right = fake_java(nowhere / "jvm" / "java-17-some", "17.0.1")
    assert find_java(nowhere / "tools") == right


def test_find_java__java_home_first(nowhere, monkeypatch):
    fake_java(nowhere / "jvm" / "java-17-some", "17.0.1")
    mine = fake_java(nowhere / "mine", "17.0.9")
    monkeypatch.setenv("JAVA_HOME", str(mine))
    assert find_java(nowhere / "tools") == mine


def test_ensure_java__found__recorded_for_later(nowhere):
    home = fake_java(nowhere / "jvm" / "17", "17.0.1")
    assert ensure_java(nowhere / "tools", nowhere / "log") == home
    java.COMMON_FOLDERS = ()
    assert find_java(nowhere / "tools") == home


def test_ensure_java__none_and_no_apt__one_sentence_with_a_remedy(nowhere):
    with pytest.raises(SetupError, match="Java 17 was not found: install a Java 17 runtime") as caught:
        ensure_java(nowhere / "tools", nowhere / "log")
    assert "\n" not in str(caught.value)


def test_ensure_java__none_but_apt__installed(nowhere, monkeypatch):
    def install(package: str, log: Path) -> None:
        assert package == "openjdk-17-jre-headless"
        fake_java(nowhere / "jvm" / "17-apt", "17.0.1")

    monkeypatch.setattr(java, "may_install", lambda: True)
    monkeypatch.setattr(java, "apt_install", install)
    assert ensure_java(nowhere / "tools", nowhere / "log").name == "17-apt"


def test_may_install__needs_root(monkeypatch):
    monkeypatch.setattr(java.shutil, "which", lambda name: "/usr/bin/apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not java.may_install()

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from brokerlake.setup import jars
from brokerlake.setup.jars import Jar, ensure_jars, faults, ivy_settings, read_lock
from brokerlake.setup.progress import SetupError

CONTENT = b"a jar"
RIGHT = Jar("org.some", "thing_2.13", "1.0", hashlib.sha256(CONTENT).hexdigest())
LOCK = f"# comment\n\n{RIGHT.organisation}:{RIGHT.module}:{RIGHT.version} {RIGHT.sha256}\n"


def test_read_lock__the_projects_own__the_two_jars_of_delta(project):
    found = {(jar.organisation, jar.module, jar.version) for jar in read_lock(project / "jars.lock")}
    assert found == {("io.delta", "delta-spark_4.2_2.13", "4.4.0"), ("io.delta", "delta-storage", "4.4.0")}


def test_read_lock__broken_line__named(tmp_path):
    (tmp_path / "jars.lock").write_text("# fine\nio.delta:delta-storage 1234\n")
    with pytest.raises(SetupError, match="jars.lock line 2"):
        read_lock(tmp_path / "jars.lock")


def test_faults__missing_changed_and_unknown__one_sentence_each(tmp_path):
    assert faults([RIGHT], tmp_path) == [f"{RIGHT.file_name} is missing"]
    (tmp_path / RIGHT.file_name).write_bytes(b"tampered")
    (tmp_path / "other.jar").write_bytes(b"")
    assert len(faults([RIGHT], tmp_path)) == 2
    (tmp_path / RIGHT.file_name).write_bytes(CONTENT)
    (tmp_path / "other.jar").unlink()
    assert faults([RIGHT], tmp_path) == []


def fetcher(content: bytes, calls: list[str]):
    def fetch(jar: Jar, java: Path, spark_jars: Path, ivy: Path, log: Path) -> Path:
        calls.append(jar.module)
        path = ivy / "fetched" / jar.file_name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return path

    return fetch


def ensure(tmp_path: Path) -> None:
    (tmp_path / "jars.lock").write_text(LOCK)
    ensure_jars(tmp_path / "jars.lock", tmp_path / "tools", tmp_path, tmp_path, tmp_path / "log")


def test_ensure_jars__second_time__fetches_nothing_and_drops_strangers(tmp_path, monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(jars, "_fetch", fetcher(CONTENT, calls))
    ensure(tmp_path)
    (tmp_path / "tools" / "jars" / "old-0.9.jar").write_bytes(b"")
    ensure(tmp_path)
    assert calls == [RIGHT.module]
    assert [path.name for path in (tmp_path / "tools" / "jars").iterdir()] == [RIGHT.file_name]


def test_ensure_jars__another_file_than_the_lock_names__refused_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(jars, "_fetch", fetcher(b"evil", []))
    with pytest.raises(SetupError, match="sha256 differs"):
        ensure(tmp_path)
    assert not list(tmp_path.rglob("*.jar"))


def test_ivy_settings__house_mirror_or_built_in__one_resolver_no_local_maven_cache(tmp_path):
    plain = ElementTree.fromstring(ivy_settings(tmp_path, None))
    assert [resolver.attrib for resolver in plain.iter("ibiblio")] == [{"name": "maven", "m2compatible": "true"}]
    mirror = ElementTree.fromstring(ivy_settings(tmp_path, "file:///mirror&x"))
    assert [resolver.get("root") for resolver in mirror.iter("ibiblio")] == ["file:///mirror&x/"]

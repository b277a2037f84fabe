from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import replace

import pytest

from brokerlake import doctor
from brokerlake.doctor import Finding, spark_line
from brokerlake.settings import Settings

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """An installation in which all is well, as far as files go."""
    jars = tmp_path / ".brokerlake" / "jars"
    jars.mkdir(parents=True)
    (jars / "delta-spark_4.2_2.13-4.4.0.jar").write_bytes(b"jar")
    (tmp_path / "jars.lock").write_text(f"{DELTA} {hashlib.sha256(b'jar').hexdigest()}\n")
    keys = tmp_path / ".brokerlake" / "keys"
    keys.mkdir()
    (keys / "k1.key").write_bytes(b"k" * 32)
    os.chmod(keys / "k1.key", 0o600)
    (tmp_path / ".airflow").mkdir()
    with sqlite3.connect(tmp_path / ".airflow" / "airflow.db") as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
    database.close()
    return Settings(tmp_path, tmp_path, "local", tmp_path, {})


def test_checks__all_well__no_remedy(settings):
    checks = (doctor.check_jars, doctor.check_spark, doctor.check_keys, doctor.check_airflow)
    for check in checks:
        finding = check(settings)
        assert finding.is_good, finding.line
        assert finding.line.startswith("ok ")


def test_check_python__too_old__remedy():
    assert "not supported" in doctor.check_python((3, 10)).line
    assert doctor.check_python((3, 12)).is_good


def test_check_java__none__remedy(settings, monkeypatch):
    monkeypatch.setattr(doctor, "find_java", lambda tools: None)
    assert "install a Java 17 runtime" in doctor.check_java(settings).line
    assert not doctor.check_archive(settings).is_good


def test_check_jars__tampered__named(settings):
    (settings.tools / "jars" / "delta-spark_4.2_2.13-4.4.0.jar").write_bytes(b"other")
    assert "sha256 differs" in doctor.check_jars(settings).line


def test_check_jars__lock_missing__remedy(settings):
    (settings.project / "jars.lock").unlink()
    assert doctor.check_jars(settings).remedy == "restore jars.lock"


@pytest.mark.parametrize(
    "versions",
    [
        {"pyspark": "4.2.0", "pyspark-client": "4.1.0", "delta-spark": "4.4.0"},
        {"pyspark": "4.1.0", "pyspark-client": "4.1.0", "delta-spark": "4.4.0"},
        {"pyspark": "4.2.0", "pyspark-client": "4.2.0", "delta-spark": "4.4.1"},
        {"pyspark": None, "pyspark-client": None, "delta-spark": "4.4.0"},
    ],
)
def test_check_spark__versions_differ__fails(settings, monkeypatch, versions):
    monkeypatch.setattr(doctor, "installed", versions.get)
    assert "do not match" in doctor.check_spark(settings).line


def test_spark_line__lock__spark_and_delta_version(settings):
    assert spark_line(settings.project / "jars.lock") == ("4.2", "4.4.0")


def test_check_pandas__three__fails():
    assert not doctor.check_pandas("3.0.1").is_good
    assert doctor.check_pandas("2.3.3").is_good


def test_check_keys__readable_by_others_or_missing__fails(settings):
    key = settings.private / "keys" / "k1.key"
    os.chmod(key, 0o644)
    assert "chmod 600" in doctor.check_keys(settings).line
    key.unlink()
    assert "no token key" in doctor.check_keys(settings).line


def test_check_disk__full__fails(settings, monkeypatch):
    monkeypatch.setattr(doctor, "FREE_GIB", 2.0**40)
    assert "make room" in doctor.check_disk(settings).line


def test_check_archive__missing__fails(settings):
    assert "sessions start slower" in doctor.check_archive(settings).line


def test_check_airflow__missing_or_broken__fails(settings):
    database = settings.project / ".airflow" / "airflow.db"
    database.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    assert "cannot be read" in doctor.check_airflow(settings).line
    assert "missing" in doctor.check_airflow(replace(settings, project=settings.project / "x")).line


def test_finding__failed__sentence_and_remedy_in_one_line():
    assert Finding("java", "none.", "install it").line == "FAIL java: none. Remedy: install it."

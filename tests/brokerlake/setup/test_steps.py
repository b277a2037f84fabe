from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from brokerlake.setup import progress
from brokerlake.setup.airflow_home import airflow_environment, configuration
from brokerlake.setup.archive import fingerprint, is_current
from brokerlake.setup.environment import check_python, ensure_project, site_packages
from brokerlake.setup.progress import SetupError, last_line, run_logged
from brokerlake.setup.workers import available_gib, workers

INSIDE_THE_VENV = {"warm_up.py", "token_key.py"}


def test_package__before_the_venv_exists__imports_the_standard_library_only(project):
    for file in (project / "brokerlake" / "setup").glob("*.py"):
        if file.name in INSIDE_THE_VENV:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                for name in names:
                    own = name.startswith("brokerlake.setup")
                    assert own or name.partition(".")[0] in sys.stdlib_module_names, f"{file.name}: {name}"


def test_module__without_site_packages__can_be_imported(project):
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(project)!r}); import brokerlake.setup.__main__",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_check_python__other_versions__refused_with_a_remedy(version):
    with pytest.raises(SetupError, match="call make with PYTHON="):
        check_python(version)


def test_check_python__supported__nothing():
    check_python((3, 11))
    check_python((3, 13))


def test_run_logged__long_silent_command__says_that_it_lives(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0.05)
    code = "import time; print('first line', flush=True); time.sleep(0.5)"
    run_logged("thinking", [sys.executable, "-c", code], tmp_path / "logs" / "x.log")
    out = capsys.readouterr().out
    assert out.count("thinking:") >= 2
    assert (tmp_path / "logs" / "x.log").read_text() == "first line\n"


def test_run_logged__failure__last_line_and_the_log(tmp_path):
    code = "print('no space left'); raise SystemExit(3)"
    with pytest.raises(SetupError, match="no space left.*x.log"):
        run_logged("step", [sys.executable, "-c", code], tmp_path / "x.log")


def test_last_line__long_or_missing__short(tmp_path):
    (tmp_path / "x").write_text("a\n" + "b" * 300 + "\n\n")
    assert last_line(tmp_path / "x") == "b" * 80
    assert last_line(tmp_path / "none") == ""


def test_ensure_project__a_new_environment__command_and_imports_work(tmp_path, project):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    ensure_project(project, venv)
    code = "import brokerlake, jobs; print(brokerlake.__file__)"
    done = subprocess.run([venv / "bin" / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert Path(done.stdout.strip()).parent == project / "brokerlake"
    assert (site_packages(venv) / "brokerlake-project.pth").exists()
    script = (venv / "bin" / "brokerlake").read_text()
    assert script.startswith(f"#!{venv}/bin/python\n")
    compile(script, "brokerlake", "exec")


def test_archive__other_jars__no_longer_current(tmp_path, monkeypatch):
    monkeypatch.setattr("brokerlake.setup.archive.version_of", lambda home: (17, "17.0.1"))
    (tmp_path / "a.jar").write_bytes(b"1")
    wanted = fingerprint(tmp_path, [tmp_path])
    (tmp_path / "classes.jsa").write_bytes(b"")
    (tmp_path / "classes.stamp").write_text(wanted)
    assert is_current(tmp_path, wanted)
    (tmp_path / "b.jar").write_bytes(b"2")
    assert not is_current(tmp_path, fingerprint(tmp_path, [tmp_path]))


def test_airflow__configuration_and_variables__local_quiet_and_without_examples(tmp_path):
    parsed = configparser.ConfigParser()
    parsed.read_string(configuration(tmp_path / "home", tmp_path / "dags"))
    assert parsed["core"]["load_examples"] == "False"
    assert parsed["usage_data_collection"]["enabled"] == "False"
    assert parsed["database"]["sql_alchemy_conn"] == f"sqlite:///{tmp_path}/home/airflow.db"
    variables = airflow_environment(tmp_path / "home", tmp_path / "dags")
    assert variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == parsed["database"]["sql_alchemy_conn"]
    assert variables["AIRFLOW__CORE__DAGS_FOLDER"] == str(tmp_path / "dags")
    assert variables["SCARF_ANALYTICS"] == "false"


@pytest.mark.parametrize(
    ("cores", "gib", "count"), [(8, 23.0, 2), (8, 4.0, 1), (1, 23.0, 1), (2, 0.5, 1), (2, None, 2)]
)
def test_workers__cores_and_memory__one_or_two(cores, gib, count):
    assert workers(cores, gib) == count


def test_available_gib__meminfo__in_gib(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    6291456 kB\n")
    assert available_gib(tmp_path / "meminfo") == 6.0
    assert available_gib(tmp_path / "none") is None

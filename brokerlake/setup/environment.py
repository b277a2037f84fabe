"""The virtual environment: the pinned packages of requirements.lock, hash-checked, and the project itself."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from brokerlake.setup.java import apt_install, may_install
from brokerlake.setup.progress import SetupError, run_logged

SUPPORTED = ((3, 11), (3, 13))
STAMP = ".requirements"
SCRIPT = """#!{python}
import sys

from brokerlake.cli import main

sys.exit(main())
"""


def check_python(version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])) -> None:
    """Raise SetupError when this Python is not one the lock file was made for."""
    if not SUPPORTED[0] <= version <= SUPPORTED[1]:
        low, high = (".".join(map(str, edge)) for edge in SUPPORTED)
        raise SetupError(
            f"Python {version[0]}.{version[1]} is not supported: call make with PYTHON=<a Python {low} to {high}>"
        )


def python_of(venv: Path) -> Path:
    """The environment's interpreter."""
    return venv / "bin" / "python"


def site_packages(venv: Path) -> Path:
    """The folder the environment's packages lie in."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    told = subprocess.run([str(python_of(venv)), "-c", code], capture_output=True, text=True, check=True)
    return Path(told.stdout.strip())


def fingerprint(lock: Path) -> str:
    """What the installed packages depend on: the lock file and the Python version."""
    text = lock.read_bytes() + repr(sys.version_info[:3]).encode()
    return hashlib.sha256(text).hexdigest()


def _create(venv: Path, log: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not may_install():
            raise SetupError(f"this Python cannot make virtual environments: install {package}")
        apt_install(package, log)
    run_logged("creating .venv", [sys.executable, "-m", "venv", "--clear", str(venv)], log)


def ensure_packages(lock: Path, venv: Path, log: Path) -> None:
    """Packages of the lock file in `venv`, each checked against its hash; nothing to do when the stamp says so.

    Raises:
        SetupError: pip could not install them; the log says why.
    """
    wanted, stamp = fingerprint(lock), venv / STAMP
    if python_of(venv).exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    if not python_of(venv).exists() or not _has_pip(venv):
        _create(venv, log)
    stamp.unlink(missing_ok=True)
    command = [str(python_of(venv)), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "--require-hashes", "--no-deps", "-r", str(lock)]
    run_logged("installing requirements.lock", command, log)
    stamp.write_text(wanted, encoding="utf-8")


def _has_pip(venv: Path) -> bool:
    command = [str(python_of(venv)), "-m", "pip", "--version"]
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


def ensure_project(project: Path, venv: Path) -> None:
    """The project importable in `venv` from where it lies, and its command `brokerlake`.

    A path file instead of `pip install -e`, which would need a build backend that the lock file does not hold.
    """
    (site_packages(venv) / "brokerlake-project.pth").write_text(f"{project}\n", encoding="utf-8")
    script = venv / "bin" / "brokerlake"
    script.write_text(SCRIPT.format(python=python_of(venv)), encoding="utf-8")
    script.chmod(0o755)


def spark_jars(venv: Path) -> Path:
    """The folder of Spark's own jars."""
    return site_packages(venv) / "pyspark" / "jars"


def remove(venv: Path) -> None:
    """The environment, gone."""
    shutil.rmtree(venv, ignore_errors=True)

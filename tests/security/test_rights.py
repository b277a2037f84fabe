"""What a run leaves on disk, looked at by a process of another account: landing and vault closed, gold readable."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerlake import doctor
from brokerlake.errors import ConfigurationError
from brokerlake.rights import close_folders
from brokerlake.settings import load_settings
from tests.conftest import PROJECT
from tests.security.another_account import is_closed, needs_root, seen_by_another

NIGHT = "2023-03-01"
RUN = f"""
import sys
from pathlib import Path
from brokerlake.catalog import contract_of
from brokerlake.cli import main
from brokerlake.settings import load_settings
from brokerlake.tables import delta_files

home = sys.argv[1]
for command in (
    ["synth", "--customers", "20", "--from", "{NIGHT}", "--to", "{NIGHT}"],
    ["group", "landing", "--date", "{NIGHT}"],
    ["group", "reference_bronze", "--date", "{NIGHT}"],
):
    assert main(["--home", home, *command]) == 0, command
settings = load_settings(home=Path(home))
delta_files.create(settings.table_path("gold.rfm"), contract_of(settings.project, "gold.rfm"))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that every account may enter; pytest's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="brokerlake-rights-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o000, 0o077], ids=["open", "shut"])
def test_run__of_the_pipeline__closed_folders_unreadable_and_gold_readable_for_another_account(home, umask):
    subprocess.run([sys.executable, "-c", RUN, str(home)], cwd=PROJECT, umask=umask, check=True, capture_output=True)
    written = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    seen = seen_by_another(home)
    for folder in ("landing", "truth", "vault/identities", ".brokerlake/keys", "lake/bronze/crm_customers"):
        assert any(name.startswith(f"{folder}/") for name in written), f"nothing in {folder} to hide"
    assert {name for name in seen if is_closed(name)} == set()
    for folder in ("lake/gold/rfm", "lake/ops/manifests", "lake/ops/ledger"):
        readable = {name for name in written if name.startswith(f"{folder}/")}
        assert readable and readable <= seen


@needs_root
def test_seen_by_another__open_file_in_an_open_folder__seen(home):
    (home / "landing").mkdir()
    (home / "landing" / "f.txt").write_text("x")
    assert seen_by_another(home) == {"landing/f.txt"}
    (home / "landing").chmod(0o750)
    assert seen_by_another(home) == set()


def test_close_folders__open_ones_of_an_older_lake__closed_landing_keeps_its_group(tmp_path):
    settings = load_settings(home=tmp_path, profile="local")
    for folder in (settings.landing, settings.vault, settings.lake / "bronze", settings.home / "truth"):
        folder.mkdir(parents=True)
        folder.chmod(0o775)
    assert "landing, vault, lake/bronze, truth: open" in doctor.check_rights(settings).line
    close_folders(settings)
    assert doctor.check_rights(settings).is_good
    assert settings.landing.stat().st_mode & 0o777 == 0o770
    for folder in (settings.vault, settings.lake / "bronze", settings.home / "truth", settings.private / "keys"):
        assert folder.stat().st_mode & 0o777 == 0o700


@needs_root
def test_close_folders__folder_of_another_account__refused_in_one_line(home):
    (home / "landing").mkdir()
    (home / "landing").chmod(0o777)
    home.chmod(0o777)
    told = subprocess.run(
        ["chmod", "o-rwx", str(home / "landing")], user=65534, group=65534, extra_groups=[], capture_output=True
    )
    assert told.returncode != 0, "another account could change what is not its own"
    settings = load_settings(home=home, profile="local")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "chmod", _not_permitted)  # root may change anything, so the refusal is put in its place
        with pytest.raises(ConfigurationError, match=r"^landing: open to other accounts .* chmod o-rwx on it$"):
            close_folders(settings)


def _not_permitted(path: Path, mode: int) -> None:
    raise PermissionError(1, "Operation not permitted", str(path))

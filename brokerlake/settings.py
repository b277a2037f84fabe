"""Where everything lies and what the configuration says: one frozen object a process.

Precedence of values, later wins: the project's `conf/base.yaml`, `base.yaml` of another configuration folder, and
`<profile>.yaml` of that folder (else of conf/). Secrets are never in any of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from brokerlake.errors import ConfigurationError
from brokerlake.plain_yaml import checked_name, read_mapping
from brokerlake.plain_yaml import read_yaml as read_yaml

HOME_VARIABLE = "BROKERLAKE_HOME"
PROFILE_VARIABLE = "BROKERLAKE_PROFILE"
CONF_VARIABLE = "BROKERLAKE_CONF"


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` laid on top, mappings merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


@dataclass(frozen=True)
class Settings:
    """The folders and configuration of one lake.

    Attributes:
        project: the folder with jobs/, contracts/, expectations/, dags/ and the catalogue.
        home: the folder the data lives under (landing/, lake/, vault/, logs/, reports/).
        profile: local, standalone or cluster.
        conf_folder: the folder with base.yaml and feeds.yaml.
        conf: the merged configuration.
    """

    project: Path
    home: Path
    profile: str
    conf_folder: Path
    conf: Mapping[str, Any] = field(hash=False)

    @property
    def landing(self) -> Path:
        """Deliveries as they came; clear identities."""
        return self.home / "landing"

    @property
    def lake(self) -> Path:
        """Delta tables: lake/<layer>/<table>."""
        return self.home / "lake"

    @property
    def vault(self) -> Path:
        """Clear identities by token; a Delta table."""
        return self.home / "vault"

    @property
    def logs(self) -> Path:
        """Log files of runs."""
        return self.home / "logs"

    @property
    def reports(self) -> Path:
        """Pages for stewards."""
        return self.home / "reports"

    @property
    def private(self) -> Path:
        """Keys, jars, class-data archive: what setup makes and git never sees."""
        return self.home / ".brokerlake"

    @cached_property
    def tools(self) -> Path:
        """Jars and class-data archive of the installation (shared by every home of this project)."""
        return self.project / ".brokerlake"

    def table_path(self, name: str) -> Path:
        """Folder of the Delta table `layer.table`."""
        layer, _, table = name.partition(".")
        return self.lake / layer / table

    def parameters(self, table: str) -> dict[str, Any]:
        """The `parameters:` of one table, empty when it has none."""
        return dict(self.conf.get("parameters", {}).get(table) or {})

    @property
    def time_zone(self) -> str:
        """The market's time zone."""
        return str(self.conf["market"]["time_zone"])


def load_settings(home: Path | None = None, profile: str | None = None, conf: Path | None = None) -> Settings:
    """Settings from arguments, else the environment, else the project folder and profile `local`."""
    project = Path(__file__).resolve().parent.parent
    home = Path(home or os.environ.get(HOME_VARIABLE) or project).resolve()
    profile = checked_name(profile or os.environ.get(PROFILE_VARIABLE) or "local", "profile")
    conf_folder = Path(conf or os.environ.get(CONF_VARIABLE) or project / "conf").resolve()
    values = read_mapping(project / "conf" / "base.yaml")
    if conf_folder != project / "conf":
        values = merge(values, read_mapping(conf_folder / "base.yaml"))
    overlay = conf_folder / f"{profile}.yaml"
    if not overlay.exists():
        overlay = project / "conf" / f"{profile}.yaml"
    if not overlay.exists():
        raise ConfigurationError(f"profile {profile}: conf/{profile}.yaml does not exist")
    return Settings(project, home, profile, conf_folder, merge(values, read_mapping(overlay)))

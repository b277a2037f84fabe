"""`python -m brokerlake.audit`: licences and known advisories of everything the locks pin, without a network.

`audit.yaml` says which licences may ship and which advisories are known of pinned packages. A licence that is not
allowed, an advisory that a pin falls under without a verdict, or a verdict that no longer holds makes `make lint` fail.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from brokerlake.errors import ConfigurationError
from brokerlake.plain_yaml import expected_shape, read_mapping
from brokerlake.setup.jars import read_lock
from brokerlake.setup.progress import SetupError

PROJECT = Path(__file__).resolve().parent.parent
ACCEPTED, FIXED = "accepted", "fixed"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_CONNECTIVES = re.compile(r"\s+(?:OR|AND)\s+|[()]")


def plain_name(package: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def read_pins(lock: Path) -> dict[str, list[str]]:
    """Versions by package; some packages have one a Python version."""
    pins: dict[str, list[str]] = {}
    for name, version in _PIN.findall(lock.read_text(encoding="utf-8")):
        pins.setdefault(plain_name(name), []).append(version)
    return pins


def stated_licences(package: Distribution) -> list[str]:
    """What the package's metadata says: its expression, else its classifiers, else the first line of its licence."""
    metadata = package.metadata
    expression = (metadata.get_all("License-Expression") or [""])[0]
    classifiers = [c.rpartition("::")[2].strip() for c in metadata.get_all("Classifier") or [] if "License ::" in c]
    if classifiers and not expression:
        return classifiers
    text = expression or next(iter((metadata.get_all("License") or [""])[0].strip().splitlines()), "")
    return [part.strip() for part in _CONNECTIVES.split(text) if part.strip()]


def licence_faults(pins: Mapping[str, list[str]], rules: Mapping[str, Any]) -> Iterator[str]:
    """One sentence per pinned package without an allowed licence; what is named by hand goes before the metadata."""
    allowed, by_hand = set(rules["allowed"]), {plain_name(name): text for name, text in rules["packages"].items()}
    installed = {plain_name(found.metadata["Name"]): found for found in distributions()}
    for name in sorted(pins):
        if name in by_hand:
            stated = [str(by_hand[name])]
        elif name in installed:
            stated = stated_licences(installed[name])
        else:
            yield f"{name}: not installed here; state its licence under licences.packages"
            continue
        wrong = [licence for licence in stated if licence not in allowed]
        if not stated or wrong:
            yield f"{name}: licence {', '.join(wrong) or 'unknown'} is not allowed"
    yield from (f"{name}: a licence is stated, no lock pins it" for name in sorted(set(by_hand) - set(pins)))


def advisory_faults(pins: Mapping[str, list[str]], advisories: list[Mapping[str, str]]) -> Iterator[str]:
    """One sentence per advisory whose verdict does not hold for the pins."""
    for entry in advisories:
        name, told = plain_name(entry["package"]), f"{entry['package']}: {entry['id']}"
        if name not in pins:
            yield f"{told}: no lock pins it"
            continue
        try:
            affected = SpecifierSet(entry["affected"])
        except InvalidSpecifier:
            yield f"{told}: {entry['affected']} is no range of versions"
            continue
        hit = [version for version in pins[name] if affected.contains(Version(version), prereleases=True)]
        if entry["verdict"] not in (ACCEPTED, FIXED):
            yield f"{told}: verdict must be {FIXED} or {ACCEPTED}"
        elif hit and (entry["verdict"] != ACCEPTED or not entry.get("reason")):
            yield f"{told}: {hit[0]} is affected ({entry['affected']}); pin another one, or accept it with a reason"
        elif not hit and entry["verdict"] == ACCEPTED:
            yield f"{told}: accepted, but no pin is affected any more"


def audit(project: Path) -> list[str]:
    """What is wrong with the locks of the project, one sentence each.

    Raises ConfigurationError when audit.yaml is not of its shape, SetupError when jars.lock is not.
    """
    rules = read_mapping(project / "audit.yaml")
    pins = read_pins(project / "requirements.lock")
    jars = {f"{jar.organisation}:{jar.module}": [jar.version] for jar in read_lock(project / "jars.lock")}
    with expected_shape("audit.yaml"):
        allowed, stated = set(rules["licences"]["allowed"]), dict(rules["licences"]["jars"])
        faults = list(licence_faults(pins, rules["licences"]))
        wrong = [jar for jar in jars if stated.get(jar) not in allowed]
        faults += [f"{jar}: licence {stated.get(jar, 'unknown')} is not allowed" for jar in wrong]
        ours = {**pins, **{plain_name(jar): versions for jar, versions in jars.items()}}
        return faults + list(advisory_faults(ours, rules["advisories"]))


def main() -> int:
    """Exit code 0 when nothing is wrong, else 1 after one line per fault."""
    try:
        faults = audit(PROJECT)
    except (ConfigurationError, SetupError) as wrong:
        faults = [str(wrong)]
    for fault in faults:
        print(f"audit: {fault}", file=sys.stderr)
    if not faults:
        print("audit: every licence is allowed, no advisory is open")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

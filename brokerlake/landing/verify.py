"""A delivery's files against its manifest: there, whole, unchanged, and no file besides."""

from __future__ import annotations

import hashlib
import os
import stat

from brokerlake.landing.deliveries import MANIFEST, DeliveredFile, Delivery, fault
from brokerlake.settings import Settings

_PIECE_BYTES = 4 << 20


def verify(delivery: Delivery, settings: Settings | None = None) -> None:
    """Check bytes and sha256 of every file and that the folder holds nothing else.

    Raises LandingError naming feed, file, rule, expected and found. With `settings` the folder must also lie inside
    landing once links are followed.
    """
    if settings is not None and not delivery.folder.resolve().is_relative_to(settings.landing.resolve()):
        raise fault(delivery.feed, delivery.name, "outside_landing", "the folder leads out of landing")
    listed = {file.name for file in delivery.files}
    for entry in os.scandir(delivery.folder):
        if entry.name not in listed and entry.name != MANIFEST:
            raise fault(delivery.feed, delivery.name, "file_not_listed", "a file is not in the manifest")
    for file in delivery.files:
        _verify_file(delivery, file)


def _verify_file(delivery: Delivery, file: DeliveredFile) -> None:
    path, name = delivery.folder / file.name, f"{delivery.name}/{file.name}"
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise fault(delivery.feed, name, "file_missing", "the manifest lists it, the folder lacks it") from None
    if not stat.S_ISREG(found.st_mode):
        raise fault(delivery.feed, name, "not_a_plain_file", "a link or a special file")
    if found.st_size != file.bytes:
        raise fault(delivery.feed, name, "bytes", f"expected {file.bytes}, found {found.st_size}")
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(_PIECE_BYTES):
            digest.update(piece)
    if digest.hexdigest() != file.sha256:
        raise fault(delivery.feed, name, "sha256", f"expected {file.sha256[:12]}…, found {digest.hexdigest()[:12]}…")

"""Hostile input is refused in one line, under 512 MB and 30 seconds of CPU; each case meets its own process."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.conftest import PROJECT
from tests.security.hostile import (
    BOMB,
    EVENTS,
    FLOWS,
    GIB,
    PIECE,
    POSITIONS,
    SPEND,
    Prepare,
    catalogue,
    deep,
    encrypted,
    far_rows,
    file,
    header,
    large_line,
    laughing,
    link_out,
    lying,
    manifest_as,
    move_out,
    named,
    objects,
    pipe_as_conf,
    positions,
    repeated,
    replaced,
    stated_objects,
    workbook,
    write_manifest,
    yaml,
    zipped,
)
from tests.security.offered import DAY, sheet_file, text_file

pytestmark = pytest.mark.slow
MOST_MB, MOST_SECONDS = 512, 30
MANY = 1_000_000
Case = tuple[str, Prepare, str]
RULE = "[{id: a, type: unexpected_rows_expectation, kwargs: {}, severity: critical, reason: r}]"
MANIFEST = "manifest.json: manifest"


YAML: dict[str, tuple[str, str, str | bytes, str]] = {
    "aliases": ("feeds", "conf/feeds.yaml", BOMB, "feeds.yaml line 1: anchors and aliases"),
    "python_tag": ("settings", "conf/base.yaml", "a: !!python/object/apply:os.system [id]", "base.yaml line 1: tags"),
    "binary_tag": ("settings", "conf/base.yaml", "a: !!binary aGk=", "base.yaml line 1: tags"),
    "feed_goes_up": ("feeds", "conf/feeds.yaml", "feeds: {'../../etc': {}}", "feeds.yaml: a name has"),
    "feed_absolute": ("feeds", "conf/feeds.yaml", "feeds: {/etc/passwd: {}}", "feeds.yaml: a name has"),
    "table_goes_up": ("catalogue", "data_catalog.yaml", catalogue("gold.../x"), "data_catalog.yaml: gold: a name has"),
    "layer_absolute": ("catalogue", "data_catalog.yaml", catalogue("/etc/x.y"), "data_catalog.yaml: a table is called"),
    "conf_goes_up": (
        "catalogue",
        "data_catalog.yaml",
        catalogue("gold.x", ", inputs: {i: {conf: ../../x}}"),
        "data_catalog.yaml: gold.x: input i: a name has",
    ),
    "deep": ("settings", "conf/base.yaml", "a: " + "[" * 100_000, "base.yaml line 1: more than"),
    "large": ("settings", "conf/base.yaml", "a: 1\n" * (1 << 19), "base.yaml in conf/: larger than 1 MB"),
    "nul": ("settings", "conf/base.yaml", "a: 'x\0y'", "base.yaml"),
    "no_utf8": ("settings", "conf/base.yaml", b"a: \xff\xfe", "base.yaml: not valid UTF-8"),
    "no_date": ("settings", "conf/base.yaml", "a: 2024-99-99", "base.yaml: a value that reads as a date"),
    "list": ("settings", "conf/base.yaml", "- a", "base.yaml: expected a mapping"),
    "contract": ("contract", "gold/rfm.yaml", "id: gold.rfm\nschema: 5", "contract gold.rfm: not of the shape"),
    "suite_with_code": ("suite", "gold/rfm.yaml", f"table: t\nrules: {RULE}", "expectations t: rule a: not a plain"),
}
PLACES: dict[str, tuple[str, Prepare, str]] = {
    "profile_goes_up": ("profile", lambda home: None, "profile: a name has"),
    "conf_link_out": ("settings", link_out, "base.yaml in conf/: a link that leads out"),
    "conf_pipe": ("settings", pipe_as_conf, "base.yaml in conf/: not a plain file"),
}
FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "manifest_link": (lambda f: replaced(f, "manifest.json").symlink_to("/etc/passwd"), f"{MANIFEST}_not_a_file"),
    "manifest_pipe": (lambda f: os.mkfifo(replaced(f, "manifest.json")), f"{MANIFEST}_not_a_file"),
    "manifest_large": (write_manifest(b" " * (6 << 20)), f"{MANIFEST}_not_a_file"),
    "manifest_deep": (write_manifest(b"[" * 1_000_000), f"{MANIFEST}_malformed"),
    "manifest_name_goes_up": (named("../../../secret"), f"{MANIFEST}_malformed: files.0.name"),
    "manifest_name_absolute": (named("/etc/passwd"), f"{MANIFEST}_malformed: files.0.name"),
    "data_file_link": (lambda f: replaced(f, "f.txt").symlink_to("/etc/passwd"), "f.txt: not_a_plain_file"),
}
TEXTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "lines_malformed": (lambda: text_file(FLOWS, "|") + b"x\n" * 30_000_000, "too_many_malformed"),
    "lines_empty": (lambda: text_file(FLOWS, "|") + b"\n" * 60_000_000, "too_many_malformed"),
    "nul_byte": (lambda: text_file(FLOWS, "|", bank="a\0b"), "nul_byte: line 2"),
    "columns_150000": (lambda: b"|".join(b"%x" % n for n in range(150_000)) + b"\n", "too_many_columns"),
    "column_name_long": (lambda: b"x" * 200_000 + b"|y\n", "columns_differ"),
}
ZIPPED: dict[str, tuple[Callable[[], bytes], str]] = {
    "gzip_of_line_feeds": (lambda: zipped(b"\n" * PIECE, GIB // PIECE), "too_many_malformed"),
    "gzip_of_one_line": (lambda: zipped(b"x" * PIECE, GIB // PIECE), "line_too_long"),
    "gzip_of_objects": (objects, "row_count"),
    "lines_no_json": (lambda: zipped(b"x\n" * (PIECE // 2), 8), "too_many_malformed"),
    "json_deep_lists": (lambda: deep("[", "]"), ""),
    "json_deep_objects": (lambda: deep('{"a":', "}"), ""),
    "json_never_closed": (lambda: gzip.compress(b"[" * 900_000 + b"\n"), ""),
}
SHEETS: dict[str, tuple[Callable[[], bytes], str]] = {
    "xlsx_bomb": (lambda: workbook(xl__worksheets__sheet1=b" " * (300 << 20)), "spreadsheet_too_large"),
    "xlsx_lies_about_its_size": (lying, "not_a_spreadsheet"),
    "xlsx_entities": (lambda: workbook(xl__worksheets__sheet1=laughing), "spreadsheet_declares_entities"),
    "xlsx_far_rows": (lambda: workbook(xl__worksheets__sheet1=far_rows), "spreadsheet_too_large"),
    "xlsx_many_cells": (lambda: sheet_file([header(), *[["1"] * 180] * 3000]), "spreadsheet_too_large"),
    "xlsx_encrypted": (encrypted, "not_a_spreadsheet"),
    "xlsx_cut": (lambda: workbook()[:2000], "not_a_spreadsheet"),
}
PARQUETS: dict[str, tuple[Callable[[], bytes], str]] = {
    "parquet_repeats_a_value": (lambda: positions(MANY, product_id=repeated("x" * 900_000, MANY)), "value_too_long"),
    "parquet_nul": (lambda: positions(product_id=pa.array(["a\0b"])), "nul_byte"),
    "parquet_cut": (lambda: positions()[:-9] + b"\xff\xff\xff\x7fPAR1", "not_parquet"),
}


def place(feed: str, name: str = "") -> str:
    return f"feed {feed}: {feed}/{DAY}/seq=1/{name}"


def delivered(feed: str, name: str, found: dict[str, tuple[Callable[[], bytes], str]]) -> dict[str, Case]:
    rejected = f"feed {feed}: night {DAY}: 1 of 1 rows malformed"
    return {
        case: (feed, file(feed, name, content), f"{place(feed, name)}: {rule}" if rule else rejected)
        for case, (content, rule) in found.items()
    }


CASES: dict[str, Case] = {
    **{f"yaml_{case}": (what, yaml(name, text), told) for case, (what, name, text, told) in YAML.items()},
    **PLACES,
    **{case: (FLOWS, manifest_as(change), place(FLOWS, told)) for case, (change, told) in FOLDERS.items()},
    "feed_folder_link": (FLOWS, manifest_as(move_out), f"{place(FLOWS)[:-1]}: outside_landing"),
    "line_of_1_gb": (FLOWS, large_line, f"{place(FLOWS)}f.txt: line_too_long"),
    "gzip_of_stated_objects": (EVENTS, stated_objects, f"{place(EVENTS)}e.gz: unfolds_too_far"),
    **delivered(FLOWS, "f.txt", TEXTS),
    **delivered(EVENTS, "e.gz", ZIPPED),
    **delivered(SPEND, "s.xlsx", SHEETS),
    **delivered(POSITIONS, "p.parquet", PARQUETS),
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home that is gone afterwards: some of these files are large."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.parametrize("case", CASES)
def test_hostile_input__met_by_the_pipeline__refused_in_one_line_within_memory_and_time(home, case):
    what, prepare, expected = CASES[case]
    prepare(home)
    child = [sys.executable, "-m", "tests.security.hostile_child", what, str(home)]
    done = subprocess.run(child, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    print(case, told["line"], f"{told['peak_mb']:.0f} MB {told['seconds']:.1f} s")
    assert told["line"].startswith(expected), told["line"]
    assert "\n" not in told["line"] and len(told["line"]) < 500
    assert told["peak_mb"] < MOST_MB
    assert told["seconds"] < MOST_SECONDS

"""Schema drift: the same rows handed over in another shape, by a manifest that is honest about bytes and rows."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.faults.damage import agree_on, data_file, where
from tests.faults.extracts import FEEDS

BOM = b"\xef\xbb\xbf"
Drift = Callable[[Path, random.Random], str]
"""Changes the shape of the delivery in a folder; the pattern of the cause that must be told."""


def _feed(folder: Path) -> str:
    return folder.parent.parent.name


def _split(folder: Path) -> tuple[list[list[str]], str, str]:
    """Cells by line, delimiter and encoding; no cell of the firm needs quotes."""
    transport = FEEDS[_feed(folder)]
    delimiter, encoding = transport.get("delimiter", ","), transport["encoding"]
    text = data_file(folder).read_bytes().decode(encoding)
    return [line.split(delimiter) for line in text.splitlines()], delimiter, encoding


def _join(lines: Sequence[Sequence[str]], delimiter: str, encoding: str) -> bytes:
    return "".join(delimiter.join(cells) + "\n" for cells in lines).encode(encoding)


def _reshape(folder: Path, change: Callable[[list[str], int], list[str]]) -> None:
    """Lay `change` of cells and line number (0 is the header) over every line."""
    lines, delimiter, encoding = _split(folder)
    agree_on(folder, _join([change(cells, at) for at, cells in enumerate(lines)], delimiter, encoding))


def _header(folder: Path) -> list[str]:
    return _split(folder)[0][0]


def differs(folder: Path, found: str) -> str:
    """The pattern of a column diff."""
    return f"{where(folder)}/{data_file(folder).name}: columns_differ: columns differ: {found}"


def add_at_the_end(folder: Path, draw: random.Random) -> str:
    """Nullable and behind the others: the one drift that passes."""
    _reshape(folder, lambda cells, at: [*cells, "desk" if at == 0 else draw.choice(["", "A", "B"])])
    return f"{where(folder)}/{data_file(folder).name}: column desk added at the end, not read"


def add_in_the_middle(folder: Path, draw: random.Random) -> str:
    place = draw.randrange(1, len(_header(folder)))
    _reshape(folder, lambda cells, at: [*cells[:place], "desk" if at == 0 else "A", *cells[place:]])
    return differs(folder, "not expected 'desk'")


def drop(folder: Path, draw: random.Random) -> str:
    names = _header(folder)
    place = draw.randrange(len(names))
    _reshape(folder, lambda cells, at: cells[:place] + cells[place + 1 :])
    return differs(folder, f"missing {names[place]}")


def rename(folder: Path, draw: random.Random) -> str:
    names = _header(folder)
    place = draw.randrange(len(names))
    _reshape(folder, lambda c, at: [*c[:place], f"{c[place]}_new", *c[place + 1 :]] if at == 0 else c)
    return differs(folder, f"missing {names[place]}; not expected '{names[place]}_new'")


def reorder(folder: Path, draw: random.Random) -> str:
    names = _header(folder)
    a, b = sorted(draw.sample(range(len(names)), 2))

    def swapped(cells: list[str], at: int) -> list[str]:
        cells = list(cells)
        cells[a], cells[b] = cells[b], cells[a]
        return cells

    _reshape(folder, swapped)
    return differs(folder, f"order: column {a + 1} is {names[b]}, expected {names[a]}")


def other_case(folder: Path, draw: random.Random) -> str:
    names = _header(folder)
    place = draw.randrange(len(names))
    _reshape(folder, lambda c, at: [*c[:place], c[place].upper(), *c[place + 1 :]] if at == 0 else c)
    return differs(folder, f"missing {names[place]}; not expected '{names[place].upper()}'")


def byte_order_mark(folder: Path, draw: random.Random) -> str:
    agree_on(folder, BOM + data_file(folder).read_bytes())
    return f"{where(folder)}/{data_file(folder).name}: byte_order_mark"


def other_delimiter(folder: Path, draw: random.Random) -> str:
    lines, delimiter, encoding = _split(folder)
    agree_on(folder, _join(lines, draw.choice([sign for sign in (";", "\t", "|") if sign != delimiter]), encoding))
    return differs(folder, f"missing {lines[0][0]}")


def other_encoding(folder: Path, draw: random.Random) -> str:
    """UTF-8 where GB18030 was agreed; a Chinese word stands in the file, as names do."""
    lines, delimiter, _ = _split(folder)
    at = draw.randrange(1, len(lines))
    lines[at] = [*lines[at][:-1], "上海浦东新区"]
    agree_on(folder, _join(lines, delimiter, "utf-8"))
    return f"{where(folder)}/{data_file(folder).name}: encoding: (line [0-9]+ is not valid|the file is UTF-8)"


def quoted_line_break(folder: Path, draw: random.Random) -> str:
    lines, delimiter, encoding = _split(folder)
    at = draw.randrange(1, len(lines))
    lines[at] = ['"one\ntwo"', *lines[at][1:]]
    agree_on(folder, _join(lines, delimiter, encoding))
    return f"{where(folder)}/{data_file(folder).name}: line_break_in_value: line {at + 1}:"


def duplicate_header(folder: Path, draw: random.Random) -> str:
    names = _header(folder)
    a, b = draw.sample(range(len(names)), 2)
    _reshape(folder, lambda c, at: [*c[:a], names[b], *c[a + 1 :]] if at == 0 else c)
    return f"{where(folder)}/{data_file(folder).name}: duplicate_column: the header names {names[b]} twice"


DELIMITED_DRIFTS: tuple[Drift, ...] = (
    add_in_the_middle, drop, rename, reorder, other_case, byte_order_mark, other_delimiter, other_encoding,
    quoted_line_break, duplicate_header,
)  # fmt: skip


def _rewrite(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    out = io.BytesIO()
    pq.write_table(change(pq.read_table(data_file(folder))), out)
    agree_on(folder, out.getvalue())


def _names(folder: Path) -> list[str]:
    return pq.read_schema(data_file(folder)).names


def parquet_add_at_the_end(folder: Path, draw: random.Random) -> str:
    _rewrite(folder, lambda table: table.append_column("desk", pa.array(["A"] * table.num_rows)))
    return f"{where(folder)}/{data_file(folder).name}: column desk added at the end, not read"


def parquet_drop(folder: Path, draw: random.Random) -> str:
    name = draw.choice(_names(folder))
    _rewrite(folder, lambda table: table.drop_columns([name]))
    return differs(folder, f"missing {name}")


def parquet_rename(folder: Path, draw: random.Random) -> str:
    name = draw.choice(_names(folder))
    _rewrite(folder, lambda t: t.rename_columns([f"{n}_new" if n == name else n for n in t.column_names]))
    return differs(folder, f"missing {name}; not expected '{name}_new'")


def parquet_other_case(folder: Path, draw: random.Random) -> str:
    name = draw.choice(_names(folder))
    _rewrite(folder, lambda t: t.rename_columns([n.upper() if n == name else n for n in t.column_names]))
    return differs(folder, f"missing {name}; not expected '{name.upper()}'")


def parquet_reorder(folder: Path, draw: random.Random) -> str:
    names = _names(folder)
    _rewrite(folder, lambda table: table.select([*names[1:], names[0]]))
    return differs(folder, f"order: column 1 is {names[1]}, expected {names[0]}")


def _other_type(folder: Path, name: str, type_: pa.DataType) -> str:
    def change(table: pa.Table) -> pa.Table:
        values = table[name].cast(type_) if type_ != pa.float32() else table[name].cast(pa.float64()).cast(type_)
        return table.set_column(table.schema.get_field_index(name), name, values)

    _rewrite(folder, change)
    return f"{where(folder)}/{data_file(folder).name}: column_types_differ: column types differ: {name} is {type_}"


def parquet_widen(folder: Path, draw: random.Random) -> str:
    return _other_type(folder, draw.choice(["quantity", "price", "market_value"]), pa.string())


def parquet_narrow(folder: Path, draw: random.Random) -> str:
    return _other_type(folder, draw.choice(["quantity", "price", "market_value"]), pa.float32())


PARQUET_DRIFTS: tuple[Drift, ...] = (
    parquet_drop, parquet_rename, parquet_other_case, parquet_reorder, parquet_widen, parquet_narrow,
)  # fmt: skip


def widen_values(folder: Path, draw: random.Random) -> str:
    """Amounts with more digits than the lake's column holds; nothing may be rounded or become null."""
    place = _header(folder).index("quantity")
    _reshape(folder, lambda c, at: c if at == 0 else [*c[:place], f"{c[place]}.00000001", *c[place + 1 :]])
    return f"{_feed(folder)}: night {folder.parent.name}: [0-9]+ of [0-9]+ rows are malformed"


def narrow_values(folder: Path, draw: random.Random) -> str:
    """Times that have become dates."""
    place = _header(folder).index("ordered_at" if _feed(folder) == "trading_orders" else "executed_at")
    _reshape(folder, lambda c, at: c if at == 0 else [*c[:place], c[place][:10], *c[place + 1 :]])
    return f"{_feed(folder)}: night {folder.parent.name}: [0-9]+ of [0-9]+ rows are malformed"

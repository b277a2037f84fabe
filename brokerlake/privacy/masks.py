"""Masked display values: what a person may see of an identity. A column at a time."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

_NOTHING = pa.scalar("")


def mask_name(values: pa.Array) -> pa.Array:
    """The first character and two stars, whatever the length: `王**`."""
    return pc.binary_join_element_wise(pc.utf8_slice_codeunits(values, 0, 1), "**", _NOTHING)


def mask_id_number(values: pa.Array) -> pa.Array:
    """Stars and the last four characters; nothing but stars up to eight."""
    shown = pc.binary_join_element_wise("**************", pc.utf8_slice_codeunits(values, -4), _NOTHING)
    return pc.if_else(pc.greater(pc.utf8_length(values), 8), shown, _stars(values))


def mask_phone(values: pa.Array) -> pa.Array:
    """The first three and the last four digits: `125****5678`; nothing but stars up to nine characters."""
    head, tail = pc.utf8_slice_codeunits(values, 0, 3), pc.utf8_slice_codeunits(values, -4)
    shown = pc.binary_join_element_wise(head, "****", tail, _NOTHING)
    return pc.if_else(pc.greater(pc.utf8_length(values), 9), shown, _stars(values))


def mask_email(values: pa.Array) -> pa.Array:
    """The first character and the domain: `w***@example.com`; nothing but stars without a domain."""
    parts = pc.extract_regex(values, r"^(?P<first>.)[^@]*@(?P<domain>[^@]+)$")
    shown = pc.binary_join_element_wise(
        pc.struct_field(parts, "first"), "***@", pc.struct_field(parts, "domain"), _NOTHING
    )
    stars = _stars(values)
    return pc.if_else(pc.is_valid(parts), pc.fill_null(shown, "****"), stars)


def _stars(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(values), "****", pa.scalar(None, pa.string()))


MASKS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "name": mask_name,
    "id_number": mask_id_number,
    "phone": mask_phone,
    "email": mask_email,
}
"""How each kind of identity is shown."""

"""Small charts as inline SVG: no script, no external resource, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 180, 44, 24, 10
LETTER = 6.5


def sparkline(values: Sequence[float], width: int = 90, height: int = 20) -> Markup:
    """A line of past values, oldest first, its last point marked; empty text for none."""
    if not values:
        return Markup("")
    low, high = min(values), max(values)
    reach = (high - low) or 1
    step = (width - 6) / max(len(values) - 1, 1)
    points = [(3 + at * step, height - 3 - (value - low) / reach * (height - 6)) for at, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        f'<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="last {len(values)} values, newest {values[-1]:,.0f}"><polyline points="{line}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/></svg>'
    )


def bars(labels: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], title: str) -> Markup:
    """Stacked bars, one per label, labelled where there is room; `series` are (name, values), from the ground up."""
    highest = max((sum(values[at] for _, values in series) for at in range(len(labels))), default=0) or 1
    slot = (WIDTH - LEFT - 8) / max(len(labels), 1)
    plot = HEIGHT - BOTTOM - TOP
    parts, free = [_grid(highest, plot)], float(LEFT)
    for at, label in enumerate(labels):
        ground = float(HEIGHT - BOTTOM)
        for place, (name, values) in enumerate(series):
            tall = values[at] / highest * plot
            ground -= tall
            tip = f"{escape(label)}: {escape(name)} {values[at]:,.0f}"
            place_text = f'x="{LEFT + at * slot + 1:.1f}" y="{ground:.1f}" width="{max(slot - 2, 1):.1f}"'
            parts.append(f'<rect class="s{place}" {place_text} height="{tall:.1f}"><title>{tip}</title></rect>')
        inside = min(LEFT + at * slot, WIDTH - len(label) * LETTER)
        if inside >= free:
            parts.append(f'<text x="{inside:.1f}" y="{HEIGHT - 8}">{escape(label)}</text>')
            free = inside + (len(label) + 1) * LETTER
    legend = "".join(f'<span class="key k{at}">{escape(name)}</span>' for at, (name, _) in enumerate(series))
    return Markup(
        f'<figure><figcaption>{escape(title)} {legend}</figcaption><svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}</svg></figure>'
    )


def _grid(highest: float, plot: float) -> str:
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = TOP + plot * (1 - share)
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - 4}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="axis" x="{LEFT - 6}" y="{y + 4:.1f}">{_short(highest * share)}</text>')
    return "".join(lines)


def _short(value: float) -> str:
    for size, unit in ((1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def flow(steps: Sequence[tuple[str, str, str]]) -> Markup:
    """Boxes in a row with arrows: (name, big number, small text) per box, e.g. landing to release."""
    wide, gap, tall = 150, 34, 74
    total = len(steps) * (wide + gap) - gap
    parts = []
    for at, (name, number, note) in enumerate(steps):
        x = at * (wide + gap)
        parts.append(
            f'<rect x="{x}" y="2" width="{wide}" height="{tall}" rx="8"/>'
            f'<text class="name" x="{x + wide / 2}" y="20">{escape(name)}</text>'
            f'<text class="number" x="{x + wide / 2}" y="44">{escape(number)}</text>'
            f'<text class="note" x="{x + wide / 2}" y="64">{escape(note)}</text>'
        )
        if at:
            parts.append(f'<path d="M{x - gap + 4} {tall / 2 + 2} h{gap - 14} m-6 -5 l7 5 l-7 5"/>')
    return Markup(f'<svg class="flow" viewBox="-2 0 {total + 4} {tall + 4}" role="img">{"".join(parts)}</svg>')

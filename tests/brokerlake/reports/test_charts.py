"""Charts of the steward's page: every mark stays inside, heights tell the values, texts are escaped."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from brokerlake.reports import charts

TASKS = ["trading_bronze", "reference", "people", "service", "party", "tag_marts", "value_marts"]


def _parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(text))


def _labels(figure: ElementTree.Element) -> list[ElementTree.Element]:
    return [text for text in figure.iter("text") if text.get("class") is None]


@pytest.mark.parametrize("count", range(1, len(TASKS) + 1))
def test_bars__labels__stay_inside_the_picture_and_apart(count):
    labels = TASKS[-count:]
    shown = _labels(_parsed(charts.bars(labels, [("CPU seconds", [1.0] * count)], "by task")))
    ends = [
        (float(str(text.get("x"))), float(str(text.get("x"))) + len(str(text.text)) * charts.LETTER) for text in shown
    ]
    assert ends and all(start >= charts.LEFT and end <= charts.WIDTH for start, end in ends)
    assert all(end <= start for (_, end), (start, _) in zip(ends, ends[1:], strict=False))


def test_bars__stacked_series__are_as_tall_as_their_values():
    figure = _parsed(charts.bars(["a", "b"], [("warnings", [1, 3]), ("critical", [0, 1])], "failed"))
    tall = {
        (bar.get("class"), str(bar.findtext("title"))): float(str(bar.get("height"))) for bar in figure.iter("rect")
    }
    plot = charts.HEIGHT - charts.BOTTOM - charts.TOP
    expected = {
        ("s0", "a: warnings 1"): 1,
        ("s1", "a: critical 0"): 0,
        ("s0", "b: warnings 3"): 3,
        ("s1", "b: critical 1"): 1,
    }
    assert tall == pytest.approx({name: value / 4 * plot for name, value in expected.items()}, abs=0.06)


def test_bars__nothing_to_show__is_an_empty_grid():
    figure = _parsed(charts.bars([], [("warnings", [])], "failed"))
    assert not list(figure.iter("rect")) and len(list(figure.iter("line"))) == 3


def test_charts__texts_with_markup__are_escaped():
    figure = _parsed(charts.bars(["<b>"], [("a & b", [1])], "x > y"))
    assert [text.text for text in _labels(figure)] == ["<b>"]
    assert _parsed(charts.flow([("<i>", "1", "&")])).findtext("text") == "<i>"


def test_sparkline__last_value__is_marked_at_its_height():
    svg = _parsed(charts.sparkline([1, 5, 3], width=90, height=20))
    assert svg.find("polyline").get("points") == "3.0,17.0 45.0,3.0 87.0,10.0"
    assert (svg.find("circle").get("cx"), svg.find("circle").get("cy")) == ("87.0", "10.0")
    assert charts.sparkline([]) == ""

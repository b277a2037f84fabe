"""Figures to goals and pages."""

from __future__ import annotations

import json

import pytest

from benchmarks import report
from benchmarks.beside.sources import OUTPUTS
from benchmarks.sizes import Sizes
from tests.benchmarks.made_up import OTHER, found
from tests.conftest import PROJECT


def test_goals__made_up_figures__are_the_ratios_of_their_definitions():
    judged = {goal.name: goal for goal in report.goals(found())}
    # The start is what the cold night takes outside its 30 CPU seconds of steps beyond the warm one: 20 - 8 = 12.
    assert judged["six outputs, cold, CPU against DuckDB"].figure == pytest.approx((20 + 12) / 5)
    assert judged["six outputs, warm, CPU against DuckDB"].figure == pytest.approx(20 / 5)
    assert judged["gate in the six, warm"].figure == pytest.approx(25.0)
    assert judged["peak of the cold night"].figure == pytest.approx(3.0)
    assert judged["four times the day, CPU"].figure == pytest.approx(3.0)
    assert judged["four times the day, peak"].figure == pytest.approx(1.2)
    assert judged["finished night again, CPU"].figure == pytest.approx(0.05)
    assert judged["demo night after the long history, CPU"].figure == pytest.approx(1.5)
    missed = {name for name, goal in judged.items() if not goal.is_met}
    assert missed == {"four times the day, peak", "demo night after the long history, CPU"}


def test_goals__a_step_of_the_six_is_missing__is_an_error():
    figures = found()
    del figures["large"]["warm"]["steps"]["silver.events"]
    with pytest.raises(KeyError, match=r"silver\.events"):
        report.goals(figures)


def test_markdown__all_figures__names_every_goal_output_night_and_the_machine():
    facts = report.machine()
    text = report.markdown(Sizes(0.01), found(), facts)
    for name in (*OUTPUTS, "bronze.web_events", OTHER):
        assert f"`{name}`" in text
    for goal in report.goals(found()):
        assert f"| {goal.name} |" in text
    for word in ("floor", "the same once more", "demo, long history", f"{facts['cores']} cores", "duckdb"):
        assert word in text
    assert text.count("missed") == 2
    assert report.SMALL in text and report.SMALL not in report.markdown(Sizes(1.0), found(), facts)


def test_as_json__outputs_that_differ__are_told_for_their_night():
    figures = found()
    figures["large"]["warm"]["agreement"]["silver.visits"]["differing"] = ["visit_id"]
    told = json.loads(json.dumps(report.as_json(Sizes(0.01), figures, report.machine())))
    assert told["outputs_equal"] == {"cold": True, "warm": False}
    assert "| NO |" in report.markdown(Sizes(0.01), figures, report.machine())


def test_fill_page__twice__leaves_the_text_around_and_the_last_figures(tmp_path):
    page = tmp_path / "speed.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
    report.fill_page(page, "first\n")
    report.fill_page(page, "second\n")
    assert page.read_text() == f"before\n{report.BEGIN}\n\nsecond\n\n{report.END}\nafter\n"


def test_fill_page__page_without_marks__is_refused(tmp_path):
    page = tmp_path / "speed.md"
    page.write_text("no place\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"speed\.md: no place for figures"):
        report.fill_page(page, "x")


def test_page__in_docs__has_its_place_for_figures():
    text = (PROJECT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert text.count(report.BEGIN) == text.count(report.END) == 1

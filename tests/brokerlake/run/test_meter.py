"""CPU seconds by step, and the part of them that checks took."""

from __future__ import annotations

import time

import pytest

from brokerlake.run.meter import Meter


def _burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_step__with_a_gate_inside__counts_the_gate_as_a_part_of_it():
    meter = Meter()
    with meter.step() as spent:
        _burn(0.4)
        with meter.gate(spent):
            _burn(0.2)
        _burn(0.1)
    assert spent.gate_cpu_seconds == pytest.approx(0.2, abs=0.1)
    assert spent.cpu_seconds == pytest.approx(0.7, abs=0.15)


def test_steps__side_by_side__share_the_cpu_and_only_one_is_in_its_gate():
    meter = Meter()
    with meter.step() as one, meter.step() as other, meter.gate(one):
        _burn(0.4)
    assert one.gate_cpu_seconds == pytest.approx(0.2, abs=0.1)
    assert other.gate_cpu_seconds == 0.0
    assert one.cpu_seconds == pytest.approx(other.cpu_seconds, abs=0.1)

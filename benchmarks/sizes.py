"""How large the measured broker is, and where its prepared data lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from brokerlake.calendar import TradingCalendar

CUSTOMERS = 200_000
EXECUTIONS = 2_000_000
EVENTS = 5_000_000
HISTORY_DAYS = 250
EARLIER_DAYS = 3
NIGHTS = 2
"""Measured nights: the first on a cold JVM, the second in the same process."""
SEED = 11
FIRST_DAY = date(2024, 9, 2)
"""A Monday of a week without holidays, so that every measured night owns one natural day."""
DEMO_CUSTOMERS = 2_000


@dataclass(frozen=True)
class Sizes:
    """A benchmark at a scale of the large day.

    Attributes:
        scale: 1 is the large day; customers, executions, events and the demo's customers follow it.
        history_days: trading days of party_days behind the first night of facts.
        demo_days: lengths of the two histories after which a demo night is compared, the short one first.
    """

    scale: float
    history_days: int = HISTORY_DAYS
    demo_days: tuple[int, int] = (20, 400)

    @property
    def customers(self) -> int:
        """Customers on the last day."""
        return max(20, round(CUSTOMERS * self.scale))

    @property
    def executions(self) -> int:
        """Executions a day."""
        return max(50, round(EXECUTIONS * self.scale))

    @property
    def events(self) -> int:
        """Web events a day."""
        return max(100, round(EVENTS * self.scale))

    @property
    def demo_customers(self) -> int:
        """Customers of the demo's broker: 2,000, fewer only on a scale made for tests."""
        return min(DEMO_CUSTOMERS, max(20, round(DEMO_CUSTOMERS * self.scale * 20)))

    def quarter(self) -> Sizes:
        """The same at a fourth of the scale."""
        return Sizes(self.scale / 4, self.history_days, self.demo_days)

    def folder(self, under: Path) -> Path:
        """Where its data lies; data of another history is never taken for it."""
        return under / f"{self.scale:g}" / f"{self.history_days}-days"


def days_of_facts(calendar: TradingCalendar) -> list[date]:
    """The trading days with deliveries: the earlier ones, then the measured nights."""
    at = calendar.days.index(calendar.next_or_same(FIRST_DAY))
    return list(calendar.days[at : at + EARLIER_DAYS + NIGHTS])

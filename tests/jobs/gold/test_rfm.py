from __future__ import annotations

from itertools import product

import pytest

from jobs.gold.rfm import Params, build
from tests.jobs.gold.people import ONE, TWO, customers, fit, identity_map, missing_required, parameters
from tests.rows import as_dicts, rows

PARAMS = Params(**parameters("gold.rfm"))
OWNERS = {f"c{number}": f"p_{number}" for number in range(1, 8)}


def window(number, day, recency, frequency, amount):
    return {
        "one_id": f"p_{number}",
        "as_of_date": day,
        "trading_days_since_last_trade": recency,
        "trading_days_with_trades_250td": frequency,
        "net_revenue_amount_250td": amount,
    }


def inputs(spark, days) -> dict:
    windows = []
    for day in days:
        windows += [window(n, day, 10 * n, 60 - 10 * n, "5") for n in range(1, 6)]
        windows.append(window(6, day, None, 0, "-1"))
    if TWO in days:
        windows[-2] = window(5, TWO, 0, 90, "50")
    return {
        "customers": customers(spark, [{"customer_no": no, "as_of_date": day} for no in OWNERS for day in days]),
        "windows": rows(spark, "silver.customer_windows", windows),
        "identity_map": identity_map(spark, OWNERS, [{"as_of_date": day} for day in days]),
        "params": PARAMS,
    }


def run(spark, days) -> dict[tuple[str, str], tuple]:
    frame = fit(build(**inputs(spark, days)), "gold.rfm")
    assert missing_required(frame, "gold.rfm") == []
    return {
        (r["one_id"], str(r["as_of_date"])): (
            r["rfm_cell"],
            r["rfm_class"],
            r["recency_score"],
            str(r["monetary_amount"]),
        )
        for r in as_dicts(frame)
    }


@pytest.mark.smoke
def test_build__active_inactive_and_unknown__scored_among_the_active_only(spark):
    assert run(spark, [ONE]) == {
        ("p_1", ONE): ("551", "loyal", 5, "5.0000"),
        ("p_2", ONE): ("441", "loyal", 4, "5.0000"),
        ("p_3", ONE): ("331", "lost", 3, "5.0000"),
        ("p_4", ONE): ("221", "lost", 2, "5.0000"),
        ("p_5", ONE): ("111", "lost", 1, "5.0000"),
        ("p_6", ONE): (None, "inactive", None, "-1.0000"),
        ("p_7", ONE): (None, "inactive", None, "0.0000"),  # no windows row
    }


def test_build__range__equals_day_by_day(spark):
    both = run(spark, [ONE, TWO])
    assert both == run(spark, [ONE]) | run(spark, [TWO])
    assert both[("p_5", TWO)] == ("555", "champion", 5, "50.0000")


def test_conf__class_map__names_all_eight():
    assert set(PARAMS.classes) == {"".join(letters) for letters in product("HL", repeat=3)}

from pyspark.sql import functions as F

from jobs.methods.corrections import changes_of_night
from tests.rows import rows

MON, TUE, WED = "2024-03-04", "2024-03-05", "2024-03-06"


def fill(name, revision, quantity, night, about=MON, **more):
    given = {"execution_id": name, "revision": revision, "quantity": quantity, "commission_basis": "net"}
    return given | {"_business_date": about, "_delivered_on": night} | more


HISTORY = [
    fill("plain", 0, 1, MON),
    fill("revised", 0, 10, MON),
    fill("revised", 1, 12, TUE, about=TUE),
    fill("revised", 2, 15, WED, about=WED),
    fill("busted", 0, 20, MON),
    fill("busted", 1, 20, TUE, about=TUE, is_busted=True),
    fill("late", 0, 30, WED),
    fill("overtaken", 1, 40, MON),
    fill("overtaken", 0, 44, TUE),
    fill("withdrawn", 0, 50, MON),
    fill("withdrawn", 0, 50, TUE, _sequence=2, _withdrawn=True),
    fill("same night", 0, 60, TUE, about=TUE),
    fill("same night", 1, 66, TUE, about=TUE),
]


def changes(spark, run):
    frame = rows(spark, "silver.executions", HISTORY)
    night = F.date_format("_delivered_on", "yyyy-MM-dd")
    found = changes_of_night(
        frame.where(night.isin(*run)),
        frame.where(night < run[0]),
        key=["execution_id"],
        order=["revision"],
        counts=~F.col("is_busted"),
    )
    summed = found.groupBy("execution_id", night.alias("night")).agg(F.sum(F.col("quantity") * F.col("_effect")))
    return {(row[0], row[1]): int(row[2]) for row in summed.collect() if row[2]}


def test_changes_of_night__corrections__each_night_holds_the_difference(spark):
    expected = {
        ("plain", MON): 1,
        ("revised", MON): 10,
        ("revised", TUE): 2,
        ("revised", WED): 3,
        ("busted", MON): 20,
        ("busted", TUE): -20,
        ("late", WED): 30,
        ("overtaken", MON): 40,
        ("withdrawn", MON): 50,
        ("withdrawn", TUE): -50,
        ("same night", TUE): 66,
    }
    assert changes(spark, [MON, TUE, WED]) == expected
    one_by_one = {}
    for night in (MON, TUE, WED):
        one_by_one.update(changes(spark, [night]))
    assert one_by_one == expected

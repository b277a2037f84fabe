from __future__ import annotations

from pyspark.sql import functions as F

from jobs.methods.rfm import level_letters, score_quintiles


def test_score_quintiles__ten_values_ties_and_a_lone_row__fifths_with_ties_together(spark):
    ten = [("ten", value) for value in range(10)]
    ties = [("ties", value) for value in (0, 0, 0, 0, 7)]
    frame = spark.createDataFrame([*ten, *ties, ("lone", 3)], "part string, value int")
    scored = frame.withColumn("score", score_quintiles(F.col("value"), "part")).distinct().collect()
    assert {(row["part"], row["value"]): row["score"] for row in scored} == {
        **{("ten", value): value // 2 + 1 for value in range(10)},
        ("ties", 0): 1,
        ("ties", 7): 5,
        ("lone", 3): 1,
    }


def test_level_letters__at_the_bound__is_high(spark):
    frame = spark.createDataFrame([(4, 3, 5)], "r int, f int, m int")
    assert frame.select(level_letters([F.col("r"), F.col("f"), F.col("m")], 4)).first()[0] == "HLH"

"""Rows are counted by day, and a day is refused for a reason of its own."""

from __future__ import annotations

import datetime as dt

from headrace.quality.counts import MAX_REASONS, count_by_day, duplicates_by_day, reasons_by_day
from headrace.quality.verdict import refusal, too_many_bad
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

D = [dt.date(2026, 1, n) for n in range(1, 10)]


def test_rows_without_a_day_are_counted_too(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(D[0], 1), (D[0], 2), (None, 3)], "day date, n int")
    counted = count_by_day(frame, F.col("day"), large=F.col("n") > 1)
    assert {day: (count.rows, count.having) for day, count in counted.items()} == {
        D[0]: (2, {"large": 1}),
        None: (1, {"large": 1}),
    }


def test_a_day_keeps_its_most_frequent_reasons_however_many_there_are(spark: SparkSession) -> None:
    rows = [(D[0], [f"{n} is bad"]) for n in range(MAX_REASONS + 50)] + [(D[0], ["torn"])] * 2 + [(D[1], ["torn"])]
    frame = spark.createDataFrame(rows, "day date, why array<string>")
    reasons = reasons_by_day(frame, F.col("day"), "why")
    assert len(reasons[D[0]]) == MAX_REASONS
    assert next(iter(reasons[D[0]].items())) == ("torn", 2)
    assert reasons[D[1]] == {"torn": 1}


def test_a_key_is_shared_within_a_day_only(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(D[0], 1), (D[1], 1), (D[2], 2), (D[2], 2)], "day date, id int")
    assert duplicates_by_day(frame, "day", ["id"]) == {D[2]: ["2 (2 rows)"]}


def test_a_share_of_bad_rows_is_refused_above_the_limit_only() -> None:
    assert too_many_bad("planes", 1200, 12, 0.01, {}) == ""
    assert too_many_bad("planes", 0, 0, 0.01, {}) == ""
    assert too_many_bad("planes", 1199, 12, 0.01, {"torn": 2, "seats is null": 10}) == (
        "12 of 1,199 rows of planes are bad, more than 1.0%: seats is null (10); torn (2)"
    )


def test_refused_days_with_one_reason_are_listed_together() -> None:
    error = refusal("sales.orders", {D[4]: "b", D[0]: "a", D[1]: "a", D[3]: "a"})
    assert error.exit_code == 65
    assert error.what == ("sales.orders is refused: a, on 2026-01-01..2026-01-02, 2026-01-04; b, on 2026-01-05")

"""Two frames are compared row by row, and the first difference is shown."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from headrace.quality.compare import Comparison, compare
from pyspark.sql import DataFrame, SparkSession

DAY, NEXT = dt.date(2026, 1, 1), dt.date(2026, 1, 2)
COLUMNS = "day date, id int, number double, name string, many array<int>, pairs map<string,double>"
ROWS: list[tuple[Any, ...]] = [
    (DAY, 1, 0.1, "a", [1, 2], {"x": 1.0}),
    (DAY, 2, math.nan, None, None, None),
    (NEXT, 1, None, "c", [], {}),
    (NEXT, 2, math.inf, "d", [None], {"x": None}),
]


def compared(spark: SparkSession, left: list[Any], right: list[Any], columns: str = COLUMNS) -> Comparison:
    frames: list[DataFrame] = [spark.createDataFrame(rows, columns) for rows in (left, right)]
    return compare(frames[0], frames[1], ["day", "id"], "day")


def changed(**values: Any) -> list[Any]:
    """The rows, in which the second one of the first day has other values."""
    names = [column.split()[0] for column in COLUMNS.split(", ")]
    row = dict(zip(names, ROWS[1], strict=True)) | values
    return [ROWS[0], tuple(row.values()), *ROWS[2:]]


def test_the_same_rows_in_another_order_do_not_differ(spark: SparkSession) -> None:
    assert compared(spark, ROWS, ROWS[::-1]) == Comparison(4, None)


def test_a_double_may_differ_by_its_last_digits_only(spark: SparkSession) -> None:
    assert compared(spark, ROWS, [(DAY, 1, 0.1 + 2e-17, *ROWS[0][3:]), *ROWS[1:]]).difference is None
    found = compared(spark, ROWS, [(DAY, 1, 0.1 + 1e-9, *ROWS[0][3:]), *ROWS[1:]]).difference
    assert found is not None
    assert found.columns == {"number": 1}
    assert found.examples == {"number": (0.1, 0.1 + 1e-9)}


@pytest.mark.parametrize(
    ("column", "value"),
    [("number", 0.0), ("number", None), ("number", -math.inf), ("name", ""), ("many", []), ("pairs", {})],
)
def test_a_value_that_differs_is_shown_with_its_column_day_and_key(
    spark: SparkSession, column: str, value: object
) -> None:
    found = compared(spark, ROWS, changed(**{column: value})).difference
    assert found is not None
    assert (found.day, found.key, dict(found.columns)) == (DAY, "day=2026-01-01, id=2", {column: 1})
    assert list(found.examples) == [column]


NESTED = "day date, id int, many array<double>, one struct<x:double,at:timestamp>, pairs map<string,double>"
INSTANT = dt.datetime(2026, 1, 1, 12, 0, 0, 1, dt.UTC)


@pytest.mark.parametrize(
    ("column", "close", "apart"),
    [
        ("many", [0.1 + 2e-17, None], [0.1 + 1e-9, None]),
        ("many", [0.1, None], [0.1]),
        ("one", (0.3 + 1e-16, INSTANT), (0.3, INSTANT.replace(microsecond=2))),
        ("one", (0.3, INSTANT), None),
        ("pairs", {"b": 2.0, "a": 0.1 + 2e-17}, {"a": 0.2, "b": 2.0}),
    ],
)
def test_doubles_inside_a_value_may_differ_by_their_last_digits_and_nothing_else_may(
    spark: SparkSession, column: str, close: object, apart: object
) -> None:
    row = {"day": DAY, "id": 1, "many": [0.1, None], "one": (0.3, INSTANT), "pairs": {"a": 0.1, "b": 2.0}}

    def found(value: object) -> Comparison:
        return compared(spark, [tuple(row.values())], [tuple((row | {column: value}).values())], NESTED)

    assert found(close).difference is None
    difference = found(apart).difference
    assert difference is not None
    assert dict(difference.columns) == {column: 1}


def test_infinities_of_opposite_sign_differ(spark: SparkSession) -> None:
    found = compared(spark, changed(number=math.inf), changed(number=-math.inf)).difference
    assert found is not None
    assert found.examples == {"number": (math.inf, -math.inf)}


def test_rows_on_one_side_and_repeated_rows_are_counted(spark: SparkSession) -> None:
    found = compared(spark, ROWS[:3], [*ROWS[1:], ROWS[2]]).difference
    assert found is not None
    assert (found.only_left, found.only_right, found.repeated) == (1, 1, 1)
    assert (found.key, found.examples) == ("day=2026-01-01, id=1", {"": (1, 0)})


def test_rows_without_a_key_are_compared_too(spark: SparkSession) -> None:
    left, right = [(None, None, 1.0)], [(None, None, 2.0)]
    assert compared(spark, left, left, "day date, id int, x double") == Comparison(1, None)
    found = compared(spark, left, right, "day date, id int, x double").difference
    assert found is not None
    assert (found.day, found.examples) == (None, {"x": (1.0, 2.0)})


def test_a_column_that_one_frame_lacks_counts_as_null_and_another_type_differs(spark: SparkSession) -> None:
    def frame(columns: str, *values: object) -> DataFrame:
        return spark.createDataFrame([(DAY, 1, *values)], f"day date, id int{columns}")

    key = ["day", "id"]
    assert compare(frame(""), frame(", x int", None), key, "day").difference is None
    absent, other = (
        compare(frame(""), frame(", x int", 1), key, "day"),
        compare(frame(", x bigint", 1), frame(", x int", 1), key, "day"),
    )
    assert absent.difference is not None
    assert other.difference is not None
    assert dict(absent.difference.columns) == dict(other.difference.columns) == {"x": 1}


def test_frames_without_rows_have_nothing_to_compare(spark: SparkSession) -> None:
    assert compared(spark, [], []) == Comparison(0, None)

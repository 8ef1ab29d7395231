"""A suite is judged for each day by Great Expectations itself, whatever the range."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from headrace.quality.suite import failing_days
from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.slow
D = [dt.date(2026, 1, n) for n in range(1, 6)]


def expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs}


def rows(spark: SparkSession, prices: dict[dt.date, list[float | None]]) -> DataFrame:
    content = [(day, n, price) for day, found in prices.items() for n, price in enumerate(found)]
    return spark.createDataFrame(content, "day date, id int, price double")


def judged(frame: DataFrame, days: list[dt.date], folder: Path, *expectations: dict[str, Any]) -> dict[dt.date, str]:
    suite = folder / "orders.json"
    suite.write_text(json.dumps({"name": "orders", "expectations": expectations}))
    return failing_days(frame, "day", days, suite, "sales.orders", folder / "docs")


def pages(folder: Path) -> list[Path]:
    return list((folder / "docs").rglob("*-sales.orders-*.html"))


def without_page(reason: str) -> str:
    return re.sub(r"\(open .*\)", "", reason)


PRICES: dict[dt.date, list[float | None]] = {day: [1.0] * 10 for day in D}


@pytest.mark.parametrize(
    ("expectation", "prices"),
    [
        (expect("column_values_to_be_between", column="price", min_value=0), [-1.0, *[1.0] * 9]),
        (expect("column_values_to_not_be_null", column="price", mostly=0.9), [None, None, *[1.0] * 8]),
        (expect("column_mean_to_be_between", column="price", max_value=2), [3.0] * 10),
        (expect("table_row_count_to_be_between", min_value=9), [1.0]),
        (expect("table_row_count_to_be_between", min_value=9), []),
        (expect("column_median_to_be_between", column="price", max_value=2), [3.0] * 10),
    ],
    ids=["of each row", "mostly", "an aggregate", "few rows", "no rows", "no aggregate of Spark"],
)
def test_only_the_day_on_which_it_fails_is_refused(
    spark: SparkSession, tmp_path: Path, expectation: dict[str, Any], prices: list[float | None]
) -> None:
    frame = rows(spark, {**PRICES, D[2]: prices})
    refused = judged(frame, D, tmp_path, expectation)
    assert list(refused) == [D[2]]
    assert refused[D[2]].startswith(f"1 expectation of orders.json fails: {expectation['type']}")
    alone = judged(frame.filter(f"day = '{D[2]}'"), [D[2]], tmp_path, expectation)
    assert {on: without_page(why) for on, why in alone.items()} == {D[2]: without_page(refused[D[2]])}


def test_a_value_that_each_day_has_once_is_unique_on_each_day(spark: SparkSession, tmp_path: Path) -> None:
    assert judged(rows(spark, PRICES), D, tmp_path, expect("column_values_to_be_unique", column="id")) == {}


def test_a_column_that_does_not_exist_refuses_all_days(spark: SparkSession, tmp_path: Path) -> None:
    refused = judged(rows(spark, PRICES), D, tmp_path, expect("column_values_to_not_be_null", column="prize"))
    assert list(refused) == D
    assert "prize" in refused[D[0]]


def test_the_range_and_each_refused_day_have_a_page(spark: SparkSession, tmp_path: Path) -> None:
    frame = rows(spark, {**PRICES, D[2]: [-1.0]})
    suite = [
        expect("column_values_to_be_between", column="price", min_value=0),
        expect("table_row_count_to_be_between", min_value=1),
    ]
    judged(frame, D, tmp_path, *suite)
    names = sorted(page.name[7:-14] for page in pages(tmp_path))
    assert names == ["sales.orders-2026-01-01..2026-01-05-failed", "sales.orders-2026-01-03-failed"]


def test_the_reason_names_the_page_of_the_refused_day(spark: SparkSession, tmp_path: Path) -> None:
    frame = rows(spark, {**PRICES, D[2]: [-1.0]})
    refused = judged(frame, D, tmp_path, expect("column_values_to_be_between", column="price", min_value=0))
    page = Path(re.findall(r"\(open (.*)\)", refused[D[2]])[0])
    assert "sales.orders-2026-01-03" in page.name
    assert "-1.0" in page.read_text()


def test_data_docs_that_cannot_be_written_change_no_verdict(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "docs").write_text("a file where the folder should be")
    assert judged(rows(spark, PRICES), D, tmp_path, expect("table_row_count_to_be_between", min_value=1)) == {}
    refused = judged(rows(spark, PRICES), D, tmp_path, expect("table_row_count_to_be_between", min_value=11))
    assert "saw 10" in refused[D[0]]

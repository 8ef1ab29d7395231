"""Each expectation judges a day as Great Expectations itself judges a frame with that day's rows."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from headrace.quality.by_day import figures
from headrace.quality.expectations import Suite
from headrace.quality.judge import Judge
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.slow
GOOD, BAD, EMPTY = DAYS = [dt.date(2026, 1, n) for n in range(1, 4)]
COLUMNS = "day date, id int, name string, price double, pieces int, sent int, received int"


def expect(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": kwargs}


EXPECTATIONS = [
    expect("table_row_count_to_be_between", min_value=3, max_value=100),
    expect("table_row_count_to_equal", value=10),
    expect("table_column_count_to_equal", value=7),
    expect("table_columns_to_match_set", column_set=["day", "id"], exact_match=False),
    expect("column_to_exist", column="price"),
    expect("column_values_to_not_be_null", column="name"),
    expect("column_values_to_not_be_null", column="price", mostly=0.9),
    expect("column_values_to_be_null", column="price", mostly=0.1),
    expect("column_values_to_be_in_set", column="name", value_set=["n0", "n1", "n2"]),
    expect("column_values_to_not_be_in_set", column="name", value_set=["forbidden"]),
    expect("column_values_to_be_between", column="price", min_value=0, max_value=5),
    expect("column_values_to_be_between", column="pieces", min_value=1, strict_min=True, mostly=0.5),
    expect("column_values_to_match_regex", column="name", regex="^n[0-9]$"),
    expect("column_values_to_not_match_regex", column="name", regex="forb"),
    expect("column_value_lengths_to_equal", column="name", value=2),
    expect("column_value_lengths_to_be_between", column="name", min_value=1, max_value=3),
    expect("column_values_to_be_of_type", column="price", type_="DoubleType"),
    expect("column_values_to_be_unique", column="id"),
    expect("column_mean_to_be_between", column="price", min_value=0, max_value=3),
    expect("column_min_to_be_between", column="price", min_value=0, max_value=3),
    expect("column_max_to_be_between", column="price", min_value=0, max_value=3),
    expect("column_sum_to_be_between", column="pieces", min_value=5, max_value=100),
    expect("column_stdev_to_be_between", column="price", min_value=0, max_value=1),
    expect("column_median_to_be_between", column="price", min_value=0, max_value=3),
    expect("column_unique_value_count_to_be_between", column="id", min_value=5),
    expect("column_proportion_of_unique_values_to_be_between", column="id", min_value=0.95),
    expect("column_distinct_values_to_be_in_set", column="name", value_set=["n0", "n1", "n2"]),
    expect("column_distinct_values_to_contain_set", column="name", value_set=["n0"]),
    expect("column_most_common_value_to_be_in_set", column="pieces", value_set=[2]),
    expect("column_value_z_scores_to_be_less_than", column="price", threshold=3, double_sided=True),
    expect("column_pair_values_a_to_be_greater_than_b", column_A="received", column_B="sent", or_equal=True),
    expect("column_pair_values_to_be_equal", column_A="received", column_B="sent", mostly=0.5),
    expect("compound_columns_to_be_unique", column_list=["id", "name"]),
    expect("select_column_values_to_be_unique_within_record", column_list=["id", "sent"]),
    expect("column_values_to_be_between", column="price", max_value=2, row_condition="pieces = 3",
           condition_parser="spark"),
    expect("column_values_to_be_between", column="name", min_value=0),  # text beside a number
    expect("column_values_to_not_be_null", column="absent"),
]  # fmt: skip


KINDS = [f"{place} {expectation['type']}" for place, expectation in enumerate(EXPECTATIONS)]


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    """Rows of a day that meets most expectations, of a day with nulls that meets few, and none of the last day."""
    good = [(GOOD, n, f"n{n % 3}", 1.0 + n % 2, 2, 100 + n, 101 + n) for n in range(10)]
    bad = [(BAD, n // 2, "forbidden", -1.0 * n * n * n, n % 4 - 1, 103, 100 + n) for n in range(10)]
    nulls = [(BAD, 1, None, None, 3, None, None), (BAD, 2, "n1", None, None, 1, 2)]
    return spark.createDataFrame([*good, *bad, *nulls], COLUMNS).cache()


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    file = tmp_path_factory.mktemp("suite") / "orders.json"
    file.write_text(json.dumps({"name": "orders", "expectations": EXPECTATIONS}))
    return Suite(file)


@pytest.fixture(scope="module")
def plain(frame: DataFrame, suite: Suite) -> dict[dt.date, list[int]]:
    """The places of the expectations that fail on each day, as Great Expectations judges that day's rows alone."""
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_spark("plain", persist=False).add_dataframe_asset("rows")
    batches = asset.add_batch_definition_whole_dataframe("batch")
    found = {}
    for on in DAYS:
        batch = batches.get_batch(batch_parameters={"dataframe": frame.filter(F.col("day") == F.lit(on))})
        results = batch.validate(
            ExpectationSuite(name="orders", expectations=[e.configuration for e in suite.expectations]),
            result_format="BOOLEAN_ONLY",
        ).results
        failed = {result.expectation_config.id for result in results if not result.success}
        found[on] = [place for place, e in enumerate(suite.expectations) if e.id in failed]
    return found


def kinds(failed: dict[dt.date, list[int]]) -> dict[dt.date, list[str]]:
    return {on: [KINDS[place] for place in places] for on, places in failed.items()}


@pytest.fixture(scope="module")
def judge(frame: DataFrame, suite: Suite) -> Judge:
    return Judge(suite, frame, "day", DAYS)


def test_each_day_of_a_range_is_judged_as_great_expectations_judges_it(
    judge: Judge, plain: dict[dt.date, list[int]]
) -> None:
    assert kinds(judge.failed) == kinds(plain)
    assert len(plain[GOOD]) < 8 < len(plain[BAD])


def test_counts_and_aggregates_need_no_run_of_great_expectations(frame: DataFrame, suite: Suite) -> None:
    found = dict(zip(KINDS, figures(frame, "day", DAYS, suite.expectations), strict=True))
    in_the_pass = [kind for kind, by_day in found.items() if by_day is not None]
    for kind in ("be_between", "be_unique", "not_be_null", "match_regex", "mean_to_be", "stdev", "a_to_be_greater"):
        assert any(kind in name for name in in_the_pass), kind
    assert not any("median" in name or "compound" in name for name in in_the_pass)


def test_a_day_alone_is_judged_as_great_expectations_judges_it(
    frame: DataFrame, suite: Suite, plain: dict[dt.date, list[int]]
) -> None:
    alone = Judge(suite, frame.filter(F.col("day") == F.lit(BAD)), "day", [BAD])
    assert kinds(alone.failed) == kinds({BAD: plain[BAD]})


def test_what_fails_has_examples_and_what_holds_needs_none(judge: Judge) -> None:
    between = 10
    assert judge.results(BAD)[between].result["partial_unexpected_list"][:2] == [-1.0, -8.0]
    assert judge.results(GOOD)[between].result["unexpected_count"] == 0


def test_the_results_of_a_range_have_the_verdicts_of_all_expectations(judge: Judge) -> None:
    between, results = 10, judge.results_of_all()
    failed = {place for places in judge.failed.values() for place in places}
    assert {place for place, result in results.items() if not result.success} == failed
    assert list(results) == list(range(len(EXPECTATIONS)))
    assert results[between].result["unexpected_count"] == 9

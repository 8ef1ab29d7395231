"""One bad value fails its own row, whatever Spark shares, folds or compiles between the expressions of a batch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from headrace.declare import Check, Contract
from headrace.errors import DeclarationError
from headrace.expressions import tried
from headrace.quality import rows
from headrace.quality.quarantine import quarantine_rows
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

LARGEST = 2**31 - 1
CONTRACT = Contract(columns={"id": "int not null"})
SETTINGS = {
    "spark.sql.codegen.factoryMode": ("CODEGEN_ONLY", "NO_CODEGEN"),
    "spark.sql.codegen.wholeStage": ("true", "false"),
}


@pytest.fixture
def batch(spark: SparkSession) -> DataFrame:
    values = [(1, 8, 2, "UTC"), (2, 8, 0, "UTC"), (3, LARGEST, 2, "UTC"), (4, 8, None, "UTC"), (5, 8, 2, "Mars/Base")]
    return spark.createDataFrame(values, "id int, amount int, parts int, zone string")


def failed(batch: DataFrame, *conditions: str) -> dict[int, list[str]]:
    """The reasons of each bad row, by its id."""
    checked = rows.with_failures(batch, CONTRACT, [Check(condition) for condition in conditions])
    return {row["id"]: row[rows.REASONS] for row in checked.collect() if row[rows.REASONS]}


@pytest.fixture(
    params=[
        (mode, whole)
        for mode in SETTINGS["spark.sql.codegen.factoryMode"]
        for whole in SETTINGS["spark.sql.codegen.wholeStage"]
    ],
    ids="-".join,
)
def evaluated(spark: SparkSession, request: pytest.FixtureRequest) -> Iterator[None]:
    """Spark's ways to evaluate an expression: compiled or interpreted, for a whole stage or for one operator."""
    for setting, value in zip(SETTINGS, request.param, strict=True):
        spark.conf.set(setting, value)
    yield
    for setting in SETTINGS:
        spark.conf.unset(setting)


def test_a_row_for_which_a_condition_raises_fails_and_no_other(batch: DataFrame, evaluated: None) -> None:
    """Conditions that share a part: Spark computes it once, before all of them."""
    assert failed(batch, "amount / parts > 1", "amount / parts < 1e9") == {
        2: ["not amount / parts > 1", "not amount / parts < 1e9"],
        3: ["not amount / parts < 1e9"],
    }
    assert failed(batch, "amount + parts > 0", "amount + parts < 100") == {
        3: ["not amount + parts > 0", "not amount + parts < 100"]
    }


def test_a_condition_with_a_constant_part_that_raises_fails_every_row(batch: DataFrame, evaluated: None) -> None:
    """Spark computes a constant part when it plans the query."""
    assert sorted(failed(batch, "1 / 0 > 1 AND amount > 0")) == [1, 2, 3, 4, 5]


def test_an_unknown_time_zone_fails_its_row(batch: DataFrame) -> None:
    condition = "to_utc_timestamp(timestamp'2026-01-01 00:00:00', zone) IS NOT NULL"
    assert failed(batch, condition) == {5: [f"not {condition}"]}


def test_a_bad_cast_fails_its_row_even_where_another_column_is_null(spark: SparkSession) -> None:
    values = [(1, "7", 9), (2, "7", None), (3, "x", 9), (4, "x", None)]
    condition = "cast(code AS int) < parts"
    batch = spark.createDataFrame(values, "id int, code string, parts int")
    assert failed(batch, condition) == {id: [f"not {condition}"] for id in (3, 4)}


def test_a_condition_that_is_null_passes_only_where_a_column_that_it_reads_is_null(batch: DataFrame) -> None:
    assert failed(batch, "parts > 0") == {2: ["not parts > 0"]}  # 4 has no parts
    assert failed(batch, "nullif(amount, 8) > parts") == {id: ["not nullif(amount, 8) > parts"] for id in (1, 2, 5)}
    assert sorted(failed(batch, "CAST(NULL AS boolean)")) == [1, 2, 3, 4, 5]


def test_a_column_is_found_whatever_the_case_and_the_quotes_of_its_name(batch: DataFrame) -> None:
    spaced = batch.withColumnRenamed("parts", "spare parts")
    assert failed(spaced, "`Spare Parts` > 0 AND 'amount' = \"amount\"") == {
        2: ["not `Spare Parts` > 0 AND 'amount' = \"amount\""]
    }


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("amuont > 0", "`amuont` cannot be resolved. Did you mean one of the following? [`amount`"),
        ("amount >", "PARSE_SYNTAX_ERROR"),
        ("amount + parts", "the expression 'amount + parts' is int, not boolean"),
    ],
)
def test_a_condition_that_does_not_fit_the_table_is_refused_at_its_declaration(
    batch: DataFrame, condition: str, says: str
) -> None:
    with pytest.raises(DeclarationError) as refused:
        failed(batch, condition)
    assert str(refused.value).startswith(f"{__file__}:")
    assert says in str(refused.value)


def test_the_quarantine_shows_the_values_that_a_failed_check_read(batch: DataFrame) -> None:
    checks = [Check("amount / parts > 1"), Check("zone <> 'Mars/Base'")]
    checked = rows.with_failures(batch.withColumn("id", F.nullif("id", F.lit(2))), CONTRACT, checks)
    bad = checked.filter(F.size(rows.REASONS) > 0).withColumn("day", F.current_date())
    stored = quarantine_rows(bad, "day", "shop.sales", rows.reasons_with_values(bad, checks), F.lit("{}")).collect()
    assert [row["reasons"] for row in stored] == [
        "id is null; not amount / parts > 1 (amount=8, parts=0)",
        "not zone <> 'Mars/Base' (zone=Mars/Base)",
    ]
    counted = checked.groupBy(rows.REASONS).count().collect()
    assert ["not zone <> 'Mars/Base'"] in [row[rows.REASONS] for row in counted]


def test_ansi_mode_stays_on_beside_what_is_tried(batch: DataFrame) -> None:
    only = batch.filter("id = 3")
    assert only.select(tried(F.expr("amount + parts"))).collect()[0][0] is None
    with pytest.raises(Exception, match="ARITHMETIC_OVERFLOW"):
        only.select(tried(F.expr("amount + parts")), F.expr("amount + parts")).collect()

"""An error of a transform names table, expression, place and value, whichever action runs into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.declare import Table
from headrace.errors import TransformError
from headrace.stages.transform_errors import HINT, transform_errors
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

TABLE = Table("shop.sales", reads=[], by="make.sales:sales", columns="sales.yaml", day="day", key=["day"])
HERE = Path(__file__)
Transform = Callable[[DataFrame], DataFrame]


@pytest.fixture
def orders(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [(8, 2, "2026-01-01"), (2**31 - 1, 0, "Mars/Base")], "amount int, parts int, day string"
    )


def stored(frame: DataFrame, folder: Path) -> None:
    frame.write.format("delta").save(str(folder))


def cached(frame: DataFrame, _: Path) -> None:
    frame.persist().groupBy(frame.columns[0]).count().collect()


def refusal(orders: DataFrame, transform: Transform, run: Callable[[DataFrame, Path], None], folder: Path) -> str:
    with pytest.raises(TransformError) as refused, transform_errors(TABLE):
        run(transform(orders), folder / "table")
    assert refused.value.exit_code == 65
    assert refused.value.hint == HINT
    return refused.value.what


# fmt: off
def share(orders: DataFrame) -> DataFrame:
    return orders.withColumn("share", F.col("amount") / F.col("parts"))


def more(orders: DataFrame) -> DataFrame:
    return orders.withColumn("more", F.col("amount") + 1)


def typed(orders: DataFrame) -> DataFrame:
    return orders.withColumn("typed", F.col("day").cast("date"))


def local(orders: DataFrame) -> DataFrame:
    return orders.select("amount", F.to_utc_timestamp(F.current_timestamp(), F.lit("Mars/Base")).alias("local"))


def shares(orders: DataFrame) -> DataFrame:
    return orders.selectExpr("amount", "amount / parts AS share")
# fmt: on

FAILS: dict[str, tuple[Transform, str]] = {
    "division": (share, "[DIVIDE_BY_ZERO] Division by zero. Use `try_divide` to tolerate divisor being 0"),
    "overflow": (more, "[ARITHMETIC_OVERFLOW] overflow. Use 'try_add' to tolerate overflow"),
    "cast": (typed, '[CAST_INVALID_INPUT] The value \'Mars/Base\' of the type "STRING" cannot be cast to "DATE"'),
}


@pytest.mark.parametrize("run", [cached, stored], ids=["cached", "stored"])
@pytest.mark.parametrize("fault", FAILS)
def test_a_value_that_cannot_be_computed_is_named_with_its_expression_and_line(
    orders: DataFrame, tmp_path: Path, fault: str, run: Callable[[DataFrame, Path], None]
) -> None:
    transform, reason = FAILS[fault]
    line = transform.__code__.co_firstlineno + 1
    source = HERE.read_text().splitlines()[line - 1].strip()
    said = refusal(orders, transform, run, tmp_path)
    assert said.startswith(f"make.sales:sales fails for shop.sales at {HERE}:{line}: `{source}`: {reason}")
    assert "ansi" not in said


@pytest.mark.parametrize("run", [cached, stored], ids=["cached", "stored"])
def test_an_expression_in_sql_is_shown_as_it_was_written(
    orders: DataFrame, tmp_path: Path, run: Callable[[DataFrame, Path], None]
) -> None:
    said = refusal(orders, shares, run, tmp_path)
    assert said.startswith("make.sales:sales fails for shop.sales")
    assert ": `amount / parts`: [DIVIDE_BY_ZERO]" in said


def test_an_unknown_time_zone_is_named_where_spark_does_not_know_the_expression(
    orders: DataFrame, tmp_path: Path
) -> None:
    said = refusal(orders, local, cached, tmp_path)
    assert "[INVALID_TIMEZONE] The timezone: Mars/Base is invalid" in said


def test_an_unknown_column_is_named_with_the_line_that_asks_for_it(orders: DataFrame, tmp_path: Path) -> None:
    def unknown(orders: DataFrame) -> DataFrame:
        return orders.select("amuont")

    said = refusal(orders, unknown, cached, tmp_path)
    place = f"{HERE}:{unknown.__code__.co_firstlineno + 1}"
    assert said.startswith(f"make.sales:sales fails for shop.sales at {place}: [UNRESOLVED_COLUMN.WITH_SUGGESTION]")
    assert "`amuont` cannot be resolved. Did you mean one of the following? [`amount`" in said
    assert "Project" not in said


def test_an_error_that_no_expression_caused_passes_unchanged(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "part.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(Exception) as raised, transform_errors(TABLE):  # noqa: PT011 - whatever Spark raises
        spark.read.schema("amount int").parquet(str(tmp_path)).collect()
    assert not isinstance(raised.value, TransformError)
    with pytest.raises(ZeroDivisionError), transform_errors(TABLE):
        1 / 0  # noqa: B018

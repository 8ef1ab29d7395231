"""A transform's columns are compared with its table's contract, in a use case of one feed and one table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace import declare
from headrace.config import Config
from headrace.errors import ContractError
from headrace.stages.context import StageContext
from pyspark.sql import SparkSession

from tests.support import lakes

pytestmark = pytest.mark.slow
DAYS = lakes.days("01-05", "01-06")
DECLARED = """
from headrace.declare import Feed, Table
orders = Feed("orders", "orders/{day}/*.csv", columns="orders.yaml")
sales = Table("tinyshop.sales", reads=[orders], by="transforms:sales", columns="sales.yaml", day="day",
              key=["day", "id"], new_columns="NEW")
"""
TRANSFORM = """
from pyspark.sql import functions as F
def sales(orders):
    return orders.select("day", "id", "price", F.col("day").cast("timestamp").alias("known_at")RETURNED)
"""


class Shop:
    """The package, its inbox and its lake."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.package, self.config = folder / "tinyshop", config
        self.package.mkdir()
        (self.package / "orders.yaml").write_text("columns: {id: int not null, day: date not null, price: double}\n")
        (self.package / "sales.yaml").write_text(
            "columns: {day: date not null, id: int not null, price: double, known_at: timestamp not null}\n"
        )
        for day in DAYS:
            file = config.inbox / "orders" / str(day) / "orders.csv"
            file.parent.mkdir(parents=True)
            file.write_text(f"id,day,price\n{day.day},{day},1.5\n")

    def context(self, returned: str = "", new_columns: str = "refuse") -> StageContext:
        """The use case with other text in its modules, which are imported again."""
        (self.package / "__init__.py").write_text(DECLARED.replace("NEW", new_columns))
        (self.package / "transforms.py").write_text(TRANSFORM.replace("RETURNED", returned))
        for name in [name for name in sys.modules if name.split(".")[0] == "tinyshop"]:
            del sys.modules[name]
        context = StageContext(self.config, declare.load("tinyshop"))
        lakes.land(context, DAYS)
        return context


@pytest.fixture
def shop(tmp_path: Path, config: Config, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a test writes a module twice within a second
    yield Shop(tmp_path, config)
    for name in [name for name in sys.modules if name.split(".")[0] == "tinyshop"]:
        del sys.modules[name]


def test_other_columns_than_the_contract_are_refused_and_all_differences_are_spelled_out(shop: Shop) -> None:
    context = shop.context(').withColumnRenamed("price", "prize").withColumn("id", F.col("id").cast("string")')
    with pytest.raises(ContractError) as raised:
        lakes.build(context, "tinyshop.sales", DAYS)
    assert raised.value.what == (
        "transforms:sales returns other columns for tinyshop.sales than sales.yaml: 'id' is string, not int; "
        "'price' is missing (is it 'prize'?); 'prize' is not in the contract"
    )
    assert raised.value.exit_code == 65
    assert lakes.commits(context, "tinyshop.sales") == {"tinyshop.sales": 0}


def test_a_new_column_evolves_a_table_that_allows_it_and_older_days_have_none(shop: Shop) -> None:
    first = lakes.DayRange(DAYS.first, DAYS.first)
    lakes.build(shop.context(new_columns="allow"), "tinyshop.sales", first)
    context = shop.context(', F.lit("EUR").alias("currency")', new_columns="allow")
    lakes.build(context, "tinyshop.sales", lakes.DayRange(DAYS.last, DAYS.last))
    rows = lakes.rows_of(context, "tinyshop.sales", key=["id"])
    assert [(row["id"], row["price"], row["currency"]) for row in rows] == [(5, 1.5, None), (6, 1.5, "EUR")]


def test_a_new_column_with_a_reserved_name_is_refused_even_where_new_columns_are_allowed(shop: Shop) -> None:
    context = shop.context(', F.lit("x").alias("_publish_id")', new_columns="allow")
    with pytest.raises(ContractError, match="'_publish_id' is a reserved name"):
        lakes.build(context, "tinyshop.sales", DAYS)


def test_a_transform_that_was_changed_replaces_the_days_that_the_old_one_made(shop: Shop) -> None:
    lakes.build(shop.context(), "tinyshop.sales", DAYS)
    context = shop.context(').withColumn("price", F.col("price") * 2')
    lakes.build(context, "tinyshop.sales", DAYS)
    assert [row["price"] for row in lakes.rows_of(context, "tinyshop.sales", key=["id"])] == [3.0, 3.0]
    assert lakes.commits(context, "tinyshop.sales") == {"tinyshop.sales": 2}

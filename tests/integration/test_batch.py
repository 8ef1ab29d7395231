"""The rows of a range are judged before they are published: each day and each source by its own count."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from headrace import declare
from headrace.config import Config
from headrace.errors import BatchRefusedError
from headrace.landing.log import Log
from headrace.stages.batch import Batch, staged
from headrace.stages.context import StageContext
from headrace.stages.sources import read_source
from pyspark.sql import SparkSession

from tests.support import lakes

pytestmark = pytest.mark.slow
DAYS = lakes.days("01-01", "01-10")
D = lakes.day("01-05")
OTHERS = [day for day in DAYS if day != D]
ALONE = lakes.DayRange(D, D)
ORDERS, ITEMS = 60, 3322
DECLARED = """
from headrace.declare import Check, Feed, Table
orders = Feed("orders", "orders/{day}/*.csv", columns="orders.yaml", day="day")
items = Feed("items", "items/*.csv", columns="items.yaml")
sales = Table("dayshop.sales", reads=[orders, items], by="transforms:sales", columns="sales.yaml", day="day",
              key=["day", "id"], one_row_per=orders,
              checks=[Check("price < 1000"), Check("price <> 666", on_fail="refuse")])
"""
TRANSFORM = """
from pyspark.sql import functions as F
def sales(orders, items):
    known_at = F.col("day").cast("timestamp").alias("known_at")
    made = orders.join(items, "item", "left").select("day", "id", "price", known_at)
    return made
"""
Line = list[str]


class Shop:
    """Ten days with sixty orders each, and a reference of 3,322 items."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.package, self.config = folder / "dayshop", config
        self.package.mkdir()
        columns = {
            "orders": "id: int not null, day: date not null, item: int not null, price: double",
            "items": "item: int not null, weight: double",
            "sales": "day: date not null, id: int not null, price: double, known_at: timestamp not null",
        }
        for name, of in columns.items():
            (self.package / f"{name}.yaml").write_text(f"columns: {{{of}}}\n")
        (self.package / "__init__.py").write_text(DECLARED)
        for day in DAYS:
            self.deliver(day, lambda line: line)
        self.deliver_items(bad=0)

    def deliver(self, day: dt.date, change: Callable[[Line], Line]) -> None:
        """Deliver a day's orders (id, day, item, price), each changed."""
        lines = [",".join(change([str(n), str(day), str(n), "1.5"])) for n in range(ORDERS)]
        self._write(f"orders/{day}/orders.csv", "id,day,item,price", lines)

    def deliver_items(self, bad: int) -> None:
        lines = [f"{n},{'heavy' if n >= ITEMS - bad else '2.5'}" for n in range(ITEMS)]
        self._write("items/items.csv", "item,weight", lines)

    def _write(self, file: str, header: str, lines: list[str]) -> None:
        path = lakes.on_disk(self.config.inbox) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *lines, ""]))

    def context(self, then: str = "") -> StageContext:
        """The use case with everything landed; ``then`` is more Python in its transform, which changes ``made``."""
        (self.package / "transforms.py").write_text(TRANSFORM.replace("    return", f"    {then}\n    return"))
        forget()
        context = StageContext(self.config, declare.load("dayshop"))
        lakes.land(context, DAYS)
        return context

    def staged(self, days: lakes.DayRange = DAYS, then: str = "") -> Batch:
        return stage(self.context(then), days)


def stage(context: StageContext, days: lakes.DayRange = DAYS) -> Batch:
    table = context.use_case.table("dayshop.sales")
    inputs = [read_source(context, source, days) for source in table.sources]
    return staged(context, table, days, inputs, context.staging)


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "dayshop"]:
        del sys.modules[name]


@pytest.fixture
def shop(tmp_path: Path, config: Config, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a test writes a module twice within a second
    yield Shop(tmp_path, config)
    forget()


def rows_by_day(batch: Batch) -> dict[dt.date, int]:
    return {row["day"]: row["count"] for row in batch.good.groupBy("day").count().collect()}


def test_a_day_whose_rows_are_all_bad_is_refused_and_the_nine_others_are_accepted(shop: Shop) -> None:
    shop.deliver(D, lambda line: [*line[:3], "dear"])
    batch = shop.staged()
    assert batch.refused == {
        D: "60 of 60 rows of orders are bad, more than 1.0%: orders.price: 'dear' is not a valid double (60)"
    }
    assert rows_by_day(batch) == dict.fromkeys(OTHERS, ORDERS)
    assert [(count.published, count.quarantined) for count in batch.counts.values()] == [(ORDERS, {})] * 9
    assert batch.quarantined is None


def test_a_reference_has_one_verdict_for_a_day_and_for_a_range(shop: Shop) -> None:
    shop.deliver_items(bad=12)
    context = shop.context()
    for days in (ALONE, DAYS):
        batch = stage(context, days)
        assert batch.refused == {}
        assert batch.counts[days.first].quarantined == {"items": 12}
        assert batch.quarantined is not None
        assert {row["source"] for row in batch.quarantined.collect()} == {"items"}


def test_a_reference_with_too_many_bad_rows_refuses_all_days(shop: Shop) -> None:
    shop.deliver_items(bad=40)
    batch = shop.staged()
    assert list(batch.refused) == list(DAYS)
    assert batch.refused[D].startswith("40 of 3,322 rows of items are bad, more than 1.0%")
    assert (batch.counts, rows_by_day(batch)) == ({}, {})


def test_the_share_of_bad_rows_of_the_table_counts_by_day(shop: Shop) -> None:
    shop.deliver(D, lambda line: [*line[:3], "5000" if int(line[0]) < 2 else "1"])
    batch = shop.staged()
    assert batch.refused == {D: "2 of 60 rows of dayshop.sales are bad, more than 1.0%: not price < 1000 (2)"}


def test_a_failed_check_that_refuses_names_its_day(shop: Shop) -> None:
    shop.deliver(D, lambda line: [*line[:3], "666" if line[0] == "7" else "1"])
    assert shop.staged().refused == {D: "rows fail a check that refuses the day: not price <> 666 (1)"}


def test_rows_that_share_a_key_refuse_their_day(shop: Shop) -> None:
    shop.deliver(D, lambda line: ["1" if line[0] == "0" else line[0], *line[1:]])
    assert shop.staged().refused == {D: "rows share the key (day, id): 2013-01-05, 1 (2 rows)"}


def test_a_file_of_which_fewer_rows_are_read_than_landed_refuses_its_day(shop: Shop) -> None:
    context = shop.context()
    log = Log(context.layout.raw, "orders")
    state = log.read().state
    record = state.standing[D]
    lost = record.model_copy(update={"files": (record.files[0].model_copy(update={"rows": ORDERS + 3}),)})
    log.append(state, (lost,))
    batch = stage(context)
    assert list(batch.refused) == [D]
    assert batch.refused[D].endswith(f"{record.files[0].stored}) landed with 63 rows, and 60 were read")


def test_a_row_without_a_day_refuses_all_days(shop: Shop) -> None:
    null = f'made = made.withColumn("day", F.when(~((F.col("day") == "{D}") & (F.col("id") < 3)), F.col("day")))'
    batch = shop.staged(then=null)
    assert batch.refused == dict.fromkeys(DAYS, "3 of the rows that transforms:sales returned have no day")


def test_rows_outside_the_range_are_counted_and_not_published(shop: Shop) -> None:
    batch = shop.staged(then='made = made.unionByName(made.withColumn("day", F.date_add("day", 300)))')
    assert (batch.refused, batch.returned, batch.outside) == ({}, 1200, 600)
    assert sum(count.published for count in batch.counts.values()) == 600
    assert rows_by_day(batch) == dict.fromkeys(DAYS, ORDERS)


def test_a_day_that_does_not_have_one_row_for_each_of_its_source_is_refused(shop: Shop) -> None:
    batch = shop.staged(then=f'made = made.filter(~((F.col("day") == "{D}") & (F.col("id") < 3)))')
    assert batch.refused == {D: "transforms:sales returned 57 rows for 60 good rows of orders"}


def test_landed_rows_and_returned_rows_reconcile(shop: Shop) -> None:
    shop.deliver(D, lambda line: [*line[:3], "dear" if line[0] == "0" else "1.5"])
    other = D + dt.timedelta(1)
    shop.deliver(other, lambda line: [*line[:3], "5000" if line[0] == "0" else "1.5"])
    context = shop.context()
    config = context.config.model_copy(
        update={"quality": context.config.quality.model_copy(update={"max_quarantined_share": 0.1})}
    )
    batch = stage(replace(context, config=config))
    orders = batch.sources["orders"]
    assert (orders.recorded, orders.good, orders.rejected) == (600, 599, 1)
    assert batch.counts[D].quarantined == {"orders": 1}
    assert batch.counts[other].quarantined == {"dayshop.sales": 1}
    assert batch.returned == 599 == 1 + sum(count.published for count in batch.counts.values())
    assert batch.quarantined is not None
    assert {(row["day"], row["source"]) for row in batch.quarantined.collect()} == {
        (D, "orders"),
        (other, "dayshop.sales"),
    }


def test_the_accepted_days_are_published_and_the_run_ends_with_the_refused_one(shop: Shop) -> None:
    shop.deliver(D, lambda line: [*line[:3], "dear"])
    context = shop.context()
    with pytest.raises(BatchRefusedError) as raised:
        lakes.build(context, "dayshop.sales", DAYS)
    assert raised.value.exit_code == 65
    assert raised.value.what.endswith("(60), on 2013-01-05")
    assert list(lakes.ids_of(context, "dayshop.sales")) == OTHERS

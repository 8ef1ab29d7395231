"""A table may name a source that it has one row each for, if that can be counted day by day."""

from __future__ import annotations

import pytest
from headrace.declare import Feed, Table
from headrace.declare.lookback import LookBack, Source
from pydantic import ValidationError

ORDERS = Feed("orders", "orders/{day}/*.csv", columns="orders.yaml")
ITEMS = Feed("items", "items/*.csv", columns="items.yaml")


def table(reads: list[Source | LookBack], one_row_per: Source) -> Table:
    return Table("sales.orders", reads=reads, by="t:f", columns="sales.yaml", day="day", key=["day", "id"],
                 one_row_per=one_row_per)  # fmt: skip


def test_a_source_is_accepted_that_is_read_on_the_day_itself() -> None:
    assert table([ORDERS.days(-2, 0), ITEMS], ORDERS).one_row_per == ORDERS


def test_a_reference_feed_has_no_rows_of_a_day() -> None:
    with pytest.raises(ValidationError, match="one_row_per is 'items', a reference feed"):
        table([ORDERS, ITEMS], ITEMS)


@pytest.mark.parametrize("reads", [[ITEMS], [ORDERS.days(-2, -1)]], ids=["not read", "read on earlier days"])
def test_a_source_must_be_read_on_the_day_that_is_built(reads: list[Source | LookBack]) -> None:
    with pytest.raises(ValidationError, match="'orders', which the table does not read on the day that is built"):
        table(reads, ORDERS)

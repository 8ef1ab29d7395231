"""Columns that are known before their row are declared by names that the table's contract must have."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.declare import Contract, Feed, Table
from headrace.declare.columns import check_contract
from headrace.errors import DeclarationError

CONTRACT = Contract(
    columns={"day": "date not null", "left_at": "timestamp", "driver": "string", "known_at": "timestamp not null"}
)


def trips(known_earlier: dict[str, list[str]]) -> Table:
    feed = Feed("trips", "trips/{day}/*.csv", "trips.yaml")
    return Table("t.trips", [feed], "make:trips", "trips.yaml", "day", ["day"], known_earlier=known_earlier)


def test_columns_of_the_contract_may_be_known_earlier() -> None:
    check_contract(trips({"left_at": ["left_at", "driver"]}), CONTRACT, Path("trips.yaml"))


@pytest.mark.parametrize("known_earlier", [{"left": ["driver"]}, {"left_at": ["drivers"]}])
def test_a_column_that_the_contract_does_not_have_is_refused_with_the_nearest(
    known_earlier: dict[str, list[str]],
) -> None:
    with pytest.raises(DeclarationError, match=r"has no column '(left|drivers)'\. Did you mean '(left_at|driver)'"):
        check_contract(trips(known_earlier), CONTRACT, Path("trips.yaml"))

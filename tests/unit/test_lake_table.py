"""One object for a Delta table: it is pinned to a version, and need not exist. No Spark."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from deltalake import CommitProperties, write_deltalake
from headrace.days import DayRange
from headrace.errors import UnknownNameError
from headrace.lake import DayContents, Lake, LakeTable
from headrace.lake import table as lake_table

FIRST, SECOND, THIRD = (dt.date(2026, 1, day) for day in (1, 2, 3))


def commit(table: LakeTable, contents: DayContents, token: str = "") -> None:
    """Commit one row for each day, with the metadata that publishing writes."""
    days = [*contents.ids]
    custom = {"userMetadata": contents.as_metadata(token)}
    write_deltalake(
        str(table.path),
        pa.table({"day": days, "id": [1] * len(days)}),
        partition_by=["day"],
        mode="append",
        commit_properties=CommitProperties(custom_metadata=custom),
    )


@pytest.fixture
def orders(tmp_path: Path) -> LakeTable:
    table = Lake(tmp_path / "lake").table("sales.orders", day="day")
    commit(table, DayContents({FIRST: "a", SECOND: "b"}, {FIRST: 10, SECOND: 20}, {SECOND: 2}))
    return table


def test_the_newest_publication_of_each_day_counts(orders: LakeTable) -> None:
    commit(orders, DayContents({THIRD: "c", SECOND: "new"}, {SECOND: 21}))
    assert list(orders.publications) == [FIRST, SECOND, THIRD]
    assert orders.publish_ids == {FIRST: "a", SECOND: "new", THIRD: "c"}
    second = orders.publications[SECOND]
    assert (second.rows, second.quarantined, second.version) == (21, 0, 1)
    assert abs(second.at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    assert orders.publications[FIRST].version == 0
    assert orders.publications[THIRD].rows == 0


def test_rows_are_counted_on_the_days_that_are_asked_for(orders: LakeTable) -> None:
    assert orders.rows(DayRange(FIRST, THIRD)) == 30
    assert orders.rows(DayRange(SECOND, THIRD)) == 20
    assert orders.rows(DayRange(THIRD, THIRD)) == 0


def test_a_table_stays_as_it_was_first_found_until_refresh(orders: LakeTable) -> None:
    assert orders.publish_ids == {FIRST: "a", SECOND: "b"}
    commit(orders, DayContents({THIRD: "c"}, {THIRD: 30}))
    assert orders.rows(DayRange(FIRST, THIRD)) == 30
    assert orders.publications.keys() == {FIRST, SECOND}
    assert orders.version == 0
    orders.refresh()
    assert orders.publish_ids == {FIRST: "a", SECOND: "b", THIRD: "c"}
    assert orders.version == 1


@pytest.mark.parametrize("fails", [False, True])
def test_what_the_log_says_counts_and_not_how_a_publication_ended(
    orders: LakeTable, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def publish(frame: object, path: Path, day: str, contents: DayContents, *, generation: int, token: str) -> None:
        assert (path, day, generation) == (orders.path, "day", 1)
        commit(orders, contents, token=token)
        if fails:
            raise OSError

    monkeypatch.setattr(lake_table, "publish", publish)
    orders.publish(None, DayContents({THIRD: "c"}, {THIRD: 3}))  # type: ignore[arg-type]
    assert orders.publish_ids == {FIRST: "a", SECOND: "b", THIRD: "c"}


def test_a_publication_that_failed_before_its_commit_raises(orders: LakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    def publish(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(lake_table, "publish", publish)
    with pytest.raises(OSError, match="disk full"):
        orders.publish(None, DayContents({THIRD: "c"}, {THIRD: 3}))  # type: ignore[arg-type]
    assert orders.publish_ids == {FIRST: "a", SECOND: "b"}


def test_an_absent_table_has_no_publications_and_cannot_be_read(tmp_path: Path) -> None:
    table = Lake(tmp_path).table("sales.none", day="day")
    assert not table.exists()
    assert table.publications == {}
    assert table.publish_ids == {}
    assert table.rows(DayRange(FIRST, THIRD)) == 0
    with pytest.raises(UnknownNameError, match=r"sales\.none .* Run `headrace build sales\.none`"):
        table.read(None, DayRange(FIRST, THIRD))  # type: ignore[arg-type]
    with pytest.raises(deltalake.exceptions.TableNotFoundError):
        table.delta()


def test_what_a_killed_first_write_left_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "sales" / "orders" / "_delta_log").mkdir(parents=True)
    (tmp_path / "sales" / "orders" / "part-0.parquet").write_bytes(b"half")
    lake = Lake(tmp_path)
    assert not lake.table("sales.orders").exists()
    assert lake.table("sales.orders").publications == {}
    assert lake.names() == []


def test_a_name_always_gives_the_same_object_and_a_later_call_completes_it(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    table = lake.table("sales.orders")
    assert table.path == tmp_path / "sales" / "orders"
    with pytest.raises(ValueError, match=r"the day column of sales\.orders is unknown"):
        table.publish(None, DayContents({}, {}))  # type: ignore[arg-type]
    assert lake.table("sales.orders", day="order_day", known_at="seen_at") is table
    assert lake.table("sales.orders") is table
    assert (table.day, table.known_at) == ("order_day", "seen_at")
    assert lake.table("sales.returns") is not table


def test_the_lake_names_the_tables_that_exist(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert lake.names() == []
    for name in ("sales.returns", "sales.orders", "a.z"):
        commit(lake.table(name), DayContents({FIRST: "a"}, {FIRST: 1}))
    assert lake.names() == ["a.z", "sales.orders", "sales.returns"]
    assert lake.table("a.z").delta().version() == 0

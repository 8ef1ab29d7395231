"""What Spark reads from a landed file: as many rows as landing counted, and each bad row with what is wrong in it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.declare import Contract, Feed
from headrace.errors import DeclarationError
from headrace.landing import frame
from headrace.landing.land import land
from headrace.landing.record import Record, read_record
from pyspark.sql import DataFrame, SparkSession

DAY = dt.date(2026, 2, 28)
CONTRACT = Contract(
    columns={"year": "int not null", "month": "int not null", "day": "int not null", "amount": "int", "shop": "string"},
    missing="NA",
)
SALES = Feed("sales", "sales/{day}/*", "sales.yaml", day="make_date(year, month, day)")
HEADER = "year,month,day,amount,shop"
GOOD = "2026,2,28,5,north"


class Landed:
    """One day of a feed, landed."""

    def __init__(self, folder: Path, spark: SparkSession, feed: Feed = SALES) -> None:
        self.folder, self.spark, self.feed = folder, spark, feed

    def read(self, content: str, name: str = "sales.csv") -> tuple[Record, DataFrame]:
        inbox, raw = self.folder / "inbox", self.folder / "raw"
        file = inbox / "sales" / str(DAY) / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content.encode())
        land(self.feed, CONTRACT, DayRange(DAY, DAY), inbox, raw)
        record = read_record(raw, "sales", DAY)
        assert record is not None
        return record, frame.read(self.spark, self.feed, CONTRACT, [record], raw)

    def reasons(self, *lines: str) -> list[list[str]]:
        _, rows = self.read("\n".join([HEADER, *lines]))
        return [row[frame.REASONS] for row in rows.collect()]


@pytest.fixture
def landed(tmp_path: Path, spark: SparkSession) -> Landed:
    return Landed(tmp_path, spark)


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{GOOD}\n{GOOD}\n",
        f"{HEADER}\n{GOOD}\n{GOOD}",
        f"{HEADER}\n\n{GOOD}\n\n\n{GOOD}\n\n",
        f"{HEADER}\n{GOOD}\n  \t \n{GOOD}\n   ",
        f"\n \n{HEADER}\n{GOOD}\n{GOOD}\n",
        f"{HEADER}\r\n{GOOD}\r\n\r\n{GOOD}\r\n",
        f"{HEADER}\r{GOOD}\r{GOOD}\r",
        f"\ufeff{HEADER}\n{GOOD}\n{GOOD}\n",
        f'{HEADER}\n{GOOD[:-5]}"two\nlines"\n',
    ],
    ids=["whole", "no last newline", "blank lines", "spaces", "blank first", "CRLF", "CR", "BOM", "quoted newline"],
)
def test_landing_counts_the_rows_that_spark_reads(landed: Landed, content: str) -> None:
    record, rows = landed.read(content)
    assert record.rows == 2
    assert rows.count() == 2
    assert len(rows.collect()) == 2


def test_a_date_that_does_not_exist_rejects_its_row_and_no_other(landed: Landed) -> None:
    other_day = "sales: a row of another day than 2026-02-28"
    assert landed.reasons(GOOD, "2026,2,30,5,north", "2026,2,27,5,north", GOOD) == [
        [],
        [f"{other_day} (year=2026, month=2, day=30)"],
        [f"{other_day} (year=2026, month=2, day=27)"],
        [],
    ]


def test_a_number_too_large_for_its_column_rejects_its_row_with_column_and_value(landed: Landed) -> None:
    reason = "sales.amount: '2147483648' is not a valid int"
    assert landed.reasons("2026,2,28,2147483648,north", "2026,2,28,NA,north") == [[reason], []]


@pytest.mark.parametrize(
    ("day", "bad"),
    [
        ("date_add(make_date(year, month, day), cast(100 / (amount - 6) as int))", "2026,2,28,6,north"),
        ("make_date(year, month, day + amount - 5 + 2147483647 - 2147483647)", GOOD),
        ("to_date(from_utc_timestamp(make_date(year, month, day), shop))", "2026,2,28,5,Mars"),
        ("make_date(year, month, cast(shop as int))", GOOD),
    ],
    ids=["division by zero", "overflow", "time zone", "cast"],
)
def test_a_day_that_cannot_be_computed_rejects_the_row(tmp_path: Path, spark: SparkSession, day: str, bad: str) -> None:
    feed = Feed("sales", "sales/{day}/*", "sales.yaml", day=day)
    [reasons] = Landed(tmp_path, spark, feed).reasons(bad)
    assert len(reasons) == 1
    assert reasons[0].startswith("sales: a row of another day than 2026-02-28 (")


def test_a_day_over_unknown_columns_is_refused_at_its_declaration(tmp_path: Path, spark: SparkSession) -> None:
    feed = Feed("sales", "sales/{day}/*", "sales.yaml", day="make_date(year, month, dya)")
    with pytest.raises(DeclarationError, match=r"test_landed_rows\.py:\d+: the expression .* `dya` cannot be resolved"):
        Landed(tmp_path, spark, feed).reasons(GOOD)

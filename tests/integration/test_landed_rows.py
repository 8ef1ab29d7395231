"""What Spark reads from a landed file: as many rows as landing counted, and each bad row with what is wrong in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.declare import Contract, Feed, csv
from headrace.declare.formats import Csv
from headrace.errors import BadInputError, DeclarationError
from headrace.landing import frame
from headrace.landing.land import land
from headrace.landing.record import Record, read_record
from headrace.landing.texts import typed
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

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

    def read(self, content: str | bytes, name: str = "sales.csv") -> tuple[Record, DataFrame]:
        inbox, raw = self.folder / "inbox", self.folder / "raw"
        file = inbox / "sales" / str(DAY) / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
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
        f'{HEADER}\n{GOOD[:-5]}"two\nlines"\n\n{GOOD}\n\n',
        f'{HEADER}\r\n{GOOD}\r\n{GOOD[:-5]}"two\r\n\r\nlines"\r\n',
    ],
    ids=[
        "whole",
        "no last newline",
        "blank lines",
        "spaces",
        "blank first",
        "CRLF",
        "CR",
        "BOM",
        "quoted newline",
        "quoted CRLF",
    ],
)
def test_landing_counts_the_rows_that_spark_reads(landed: Landed, content: str) -> None:
    record, rows = landed.read(content)
    assert record.rows == 2
    assert rows.count() == 2
    assert len(rows.collect()) == 2


SHOPS = {
    "doubled quotes": ('"the ""north"" one"', 'the "north" one'),
    "a newline in the last column": ('"two\nlines"', "two\nlines"),
    "a blank line in a cell": ('"two\n\nlines"', "two\n\nlines"),
    "a separator": ('"north, east"', "north, east"),
    "a backslash before the quote": ('"C:\\"', "C:\\"),
    "a backslash": ("C:\\n", "C:\\n"),
    "a quote within a plain cell": ('5" pipe', '5" pipe'),
    "umlauts": ("Müller", "Müller"),
    "nothing but quotes": ('""""', '"'),
}


@pytest.mark.parametrize(("cell", "value"), SHOPS.values(), ids=SHOPS.keys())
def test_a_cell_has_the_text_that_rfc_4180_says(landed: Landed, cell: str, value: str) -> None:
    record, rows = landed.read(f"{HEADER}\n2026,2,28,5,{cell}\n2026,2,28,7,south\n")
    assert record.rows == 2
    found = {row["amount"]: (row["shop"], row[frame.REASONS]) for row in rows.collect()}
    assert found == {5: (value, []), 7: ("south", [])}


@pytest.mark.parametrize("cell", ['5" pipe', '"5 pipe"', '"5"" pipe"'])
def test_a_quote_in_one_cell_does_not_hide_a_line_end_in_another(landed: Landed, cell: str) -> None:
    record, rows = landed.read(f'shop,amount,year,month,day\n{cell},5,2026,2,28\n{cell},7,2026,2,"28\n"\n')
    assert record.rows == 2
    assert [row["amount"] for row in rows.collect()] == [5, 7]


def test_a_newline_in_a_cell_in_the_middle_of_a_row_is_part_of_it(landed: Landed) -> None:
    content = 'shop,year,month,day,amount\n"a\nb",2026,2,28,5\n"c","2026","2","28","7"\n'
    record, rows = landed.read(content)
    assert record.rows == 2
    assert {row["amount"]: row["shop"] for row in rows.collect()} == {5: "a\nb", 7: "c"}


DIALECTS = {
    "semicolons": (csv(separator=";"), HEADER.replace(",", ";") + "\n2026;2;28;5;north, east\n", "north, east"),
    "tabs": (csv(separator="\t"), HEADER.replace(",", "\t") + "\n2026\t2\t28\t5\tnorth\n", "north"),
    "single quotes": (csv(quote="'"), HEADER + "\n2026,2,28,5,'a, ''b'' '\n", "a, 'b' "),
    "escaped quotes": (csv(escape="\\"), HEADER + '\n2026,2,28,5,"a, \\"b\\""\n', 'a, "b"'),
    "escaped quotes and a newline": (csv(escape="\\"), HEADER + '\n2026,2,28,5,"a\n\\"b\\""\n', 'a\n"b"'),
    "Latin-1": (csv(encoding="iso-8859-1"), (HEADER + "\n2026,2,28,5,Müller\n").encode("latin-1"), "Müller"),
    "UTF-16": (csv(encoding="utf-16"), (HEADER + "\n2026,2,28,5,Müller\n").encode("utf-16"), "Müller"),
    "Windows": (csv(encoding="windows-1252"), (HEADER + '\n2026,2,28,5,"€\n5"\n').encode("cp1252"), "€\n5"),
}


@pytest.mark.parametrize(("dialect", "content", "value"), DIALECTS.values(), ids=DIALECTS.keys())
def test_a_declared_dialect_is_read(
    tmp_path: Path, spark: SparkSession, dialect: Csv, content: str | bytes, value: str
) -> None:
    record, rows = Landed(tmp_path, spark, replace(SALES, format=dialect)).read(content)
    assert record.rows == 1
    assert [(row["amount"], row["shop"], row[frame.REASONS]) for row in rows.collect()] == [(5, value, [])]


@pytest.mark.parametrize("name", ["part[1].csv", "a b.csv", "a+b%20.csv", "été{1,2}*?.csv", "a#b:c.csv"])
def test_a_file_may_have_any_name(landed: Landed, name: str) -> None:
    record, rows = landed.read(f"{HEADER}\n{GOOD}\n", name)
    assert [file.name for file in record.files] == [name]
    assert [(row["shop"], row[frame.REASONS]) for row in rows.collect()] == [("north", [])]


@pytest.mark.parametrize("content", ["", "\n", f"{HEADER}\n", f"{HEADER}\n\n"])
def test_a_day_may_have_no_rows_where_its_feed_allows_it(tmp_path: Path, spark: SparkSession, content: str) -> None:
    with pytest.raises(BadInputError, match='If a day may have no rows, declare empty="allow"'):
        Landed(tmp_path / "refused", spark).read(content)
    record, rows = Landed(tmp_path, spark, replace(SALES, empty="allow")).read(content)
    assert record.rows == 0
    assert rows.collect() == []


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


TEXTS = {
    "int": ["7", "-7", "+7", " 7 "],
    "bigint": ["9007199254740993"],
    "double": ["1", "-1.5", ".5", "1.", "1e3", "NaN", "-Infinity", " 1.0 "],
    "boolean": ["true", "F", "yes", "0"],
    "date": ["2026-02-28", "2026-2-8", "2026-02-28 00:00:00"],
    "timestamp": [
        "2026-02-28", "2026-02-28 12", "2026-02-28 12:30", "2026-02-28T12:30:01.5Z", "2026-02-28 12:30:00 Asia/Tokyo",
        "2026-02-28 12:30:00+0100", "2026-02-28 12:30:00 CET", "2026-02-28 12:30:00 UTC+1", "2026-02-28 12:30:00 UTC",
    ],
}  # fmt: skip
NO_TEXTS = {
    "int": ["1.5", "1e3", "0x10", "7L", "1,000", "2147483648"],
    "bigint": ["1.0", "9223372036854775808"],
    "double": ["1.5d", "2f", "0x1p3", "1,5", "1_000", "--1", "1e999"],
    "boolean": ["2", "ja"],
    "date": ["2026", "2026-02", "2026-02-30", "2026-02-28T10:00", "28.02.2026", "20260228", "2026-02-28 x"],
    "timestamp": ["12:30", "T12:30:00", "2026", "2026-02", "2026-02-28 25:00", "1772236800"],
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_a_value_of_its_type_or_rejected(spark: SparkSession, kind: str) -> None:
    texts = [*TEXTS[kind], *NO_TEXTS[kind]]
    frame = spark.createDataFrame([(text,) for text in texts], "text string")
    found = frame.select("text", typed(F.col("text"), kind).isNotNull().alias("fits")).collect()
    assert [row.text for row in found if row.fits] == TEXTS[kind]


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

"""How many requests to S3 the work on a table takes. Each costs the way there and back, so their number is bounded."""

from __future__ import annotations

import datetime as dt

import pytest
from headrace.lake.table import DayContents, Lake, LakeTable
from headrace.storage import S3Path
from pyspark.sql import SparkSession

from tests.support.s3_requests import by_kind, requests_to
from tests.support.s3_server import Server

FIRST = dt.date(2026, 1, 1)
COMMITS = 3  # that the table has before


def publish(table: LakeTable, spark: SparkSession, number: int) -> None:
    day = FIRST + dt.timedelta(days=number)
    row = spark.range(1).selectExpr(f"date'{day}' AS day", "id")
    table.publish(row, DayContents({day: f"id{number}"}, {day: 1}))


@pytest.fixture(scope="module")
def table(bucket: S3Path, spark: SparkSession) -> LakeTable:
    table = Lake(bucket / "requests").table("shop.sales", day="day")
    for number in range(COMMITS):
        publish(table, spark, number)
    return table


def test_a_publication_of_one_row_takes_no_more_requests_than_it_needs(
    table: LakeTable, spark: SparkSession, server: Server
) -> None:
    with requests_to(server) as sent:
        publish(table, spark, COMMITS)
    assert by_kind(sent) == {
        "GET commit": COMMITS + 2,  # Delta reads those before; we read the last one again, and our own
        "HEAD commit": COMMITS + 1,
        "LIST log": 2,
        "HEAD data": 2,
        "PUT data": 1,
        "PUT commit": 1,
    }


def test_a_second_look_at_an_unchanged_table_takes_two_requests(table: LakeTable, server: Server) -> None:
    table.refresh()
    with requests_to(server) as sent:
        table.refresh()
    assert by_kind(sent) == {"GET commit": 1, "LIST log": 1}

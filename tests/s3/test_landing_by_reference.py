"""Large files of a bucket with versions land by reference: S3 copies them, and their content stays in S3."""

from __future__ import annotations

import gzip
import hashlib
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from headrace.days import DayRange
from headrace.declare import LookBack
from headrace.errors import BadInputError
from headrace.landing import frame
from headrace.landing.by_reference import FIRST_BYTES
from headrace.landing.delivered import Delivered
from headrace.stages.counting import RowCount, count_sources
from headrace.stages.sources import Input
from headrace.storage import S3Path
from headrace.storage.client import client
from pyspark.sql import SparkSession

from tests.support.faulty_s3 import Faults, between
from tests.support.inbox import CONTRACT, DAY, ROWS, WEATHER, Inbox
from tests.support.s3_requests import requests_to
from tests.support.s3_server import Server

NUMBER = 60_000
TEMPERATURES = random.Random(1).choices(range(-20, 40), k=NUMBER)
LARGE = b"origin,temp\n" + b"".join(b"EWR,%d.0\n" % temperature for temperature in TEMPERATURES)
RENAMED = LARGE.replace(b"\nEWR,", b"\nJFK,", 1)  # as many bytes
OVERHEAD = 20_000  # bytes of requests, replies and records of one landing

Through = Callable[[int], None]


@pytest.fixture
def weather(server: Server) -> Inbox:
    """An inbox in a bucket that keeps versions."""
    name = f"versions-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)
    client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Inbox(S3Path(name))


@contextmanager
def seen(server: Server, through: Through) -> Iterator[Faults]:
    """What passes between this process and S3 in the block."""
    faults = Faults()
    with between(server.port, faults) as port:
        through(port)
        yield faults
    through(server.port)


def file_of(weather: Inbox) -> Delivered:
    record = weather.record()
    assert record is not None
    return record.files[0]


@pytest.mark.parametrize("name", ["w.csv", "w.csv.gz"])
def test_of_a_large_file_only_the_first_bytes_pass_through_the_process(
    name: str, weather: Inbox, server: Server, through: Through
) -> None:
    content = LARGE if name == "w.csv" else gzip.compress(LARGE, compresslevel=1)
    weather.deliver(content, name)
    assert len(content) > FIRST_BYTES
    with seen(server, through) as faults:
        assert weather.land().landed == 1
    assert sum(faults.chunks) < FIRST_BYTES + OVERHEAD
    assert weather.landed() == {name: content}
    file = file_of(weather)
    assert (file.bytes, file.rows, file.columns) == (len(content), None, ("origin", "temp"))
    assert file.version


def test_a_large_file_that_landed_is_not_asked_for_again(weather: Inbox, server: Server) -> None:
    path = weather.deliver(LARGE)
    weather.land()
    with requests_to(server) as sent:
        assert weather.land().landed == 0
    assert sent
    assert not [request for request in sent if request.key.endswith(path.name)]


def test_another_version_of_the_same_size_is_a_correction(weather: Inbox) -> None:
    weather.deliver(LARGE)
    weather.land()
    first = file_of(weather)
    weather.deliver(RENAMED)
    assert list(weather.land().corrections) == [str(DAY)]
    assert weather.landed() == {"w.csv": RENAMED}
    assert file_of(weather).stored != first.stored


def test_the_digest_that_s3_keeps_identifies_the_content(weather: Inbox) -> None:
    path = weather.deliver(ROWS)
    assert isinstance(path, S3Path)
    client().put_object(Bucket=path.bucket, Key=path.key, Body=LARGE, ChecksumAlgorithm="SHA256")
    weather.land()
    assert file_of(weather).sha256 == hashlib.sha256(LARGE).hexdigest()
    weather.deliver(LARGE)  # S3 keeps no digest of this version
    assert weather.land().landed == 0


def test_a_small_file_is_read_whole(weather: Inbox) -> None:
    weather.deliver(ROWS)
    assert weather.land().rows == 2
    assert not file_of(weather).version


def test_a_large_file_with_other_columns_is_refused_and_nothing_is_stored(weather: Inbox) -> None:
    weather.deliver(LARGE.replace(b"temp", b"wind", 1))
    with pytest.raises(BadInputError, match=r"w\.csv: feed weather has other columns"):
        weather.land()
    assert not list(weather.raw.rglob("*"))


def test_a_large_file_that_is_not_what_its_name_says_is_refused(weather: Inbox) -> None:
    weather.deliver(LARGE, "w.csv.gz")
    with pytest.raises(BadInputError, match=r"w\.csv\.gz is corrupt"):
        weather.land()


def test_the_rows_of_a_large_file_are_counted_by_the_build(weather: Inbox, spark: SparkSession) -> None:
    weather.deliver(LARGE.replace(b"\nEWR,", b"\n,", 1))  # one row lacks a required value
    weather.land()
    record = weather.record()
    assert record is not None
    marked = frame.read(spark, WEATHER, CONTRACT, [record], weather.raw)
    (count,) = count_sources([Input(LookBack(WEATHER), marked, {DAY: record.rows}, marked=marked)], DayRange(DAY, DAY))
    assert count.by_day == {DAY: RowCount(recorded=NUMBER, good=NUMBER - 1, rejected=1)}
    assert not count.refused(DayRange(DAY, DAY), max_share=0.01)

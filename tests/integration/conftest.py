"""Forty days of real flights of some carriers: an inbox as the feeds deliver it, and a lake that was built from it."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import lakes
import pytest
from flights import source
from headrace import config as configuration
from headrace.stages.build import build_tables
from headrace.stages.job import Job
from headrace.stages.land import land_feeds

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CONF = Path(__file__).parents[2] / "conf"
CARRIERS = {b"AS", b"F9", b"HA", b"MQ", b"US", b"VX", b"WN"}  # some 180 flights a day
DAYS = lakes.days("01-01", "02-09")


@pytest.fixture(scope="session")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Laid out by the use case itself, from the package's files with fewer rows. To be read only."""
    data, inbox = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("inbox")
    package = source.packaged()
    with zipfile.ZipFile(package / "flights.csv.zip") as archive:
        header, *flights = archive.read("flights.csv").splitlines()
    carrier = header.split(b",").index(b"carrier")
    few = [line for line in flights if line.split(b",")[carrier] in CARRIERS and _within(line.split(b",")[1:3])]
    with zipfile.ZipFile(data / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", b"\n".join([header, *few, b""]))
    header, *weather = (package / "weather.csv").read_bytes().splitlines()
    observed = [line for line in weather if _within(line.split(b",")[2:4])]
    (data / "weather.csv").write_bytes(b"\n".join([header, *observed, b""]))
    for name in ("planes.csv", "airports.csv"):
        shutil.copy(package / name, data / name)
    source.deliver(inbox, data)
    return inbox


def _within(month_and_day: list[bytes]) -> bool:
    month, day = map(int, month_and_day)
    return (month, day) <= (DAYS.last.month, DAYS.last.day)


@pytest.fixture(scope="session")
def landed(inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """All days landed, nothing built. To be read only: tests work on ``lakes.copy_of`` it."""
    job = lakes.job_at(configuration.load("local", CONF), tmp_path_factory.mktemp("landed") / "root", inbox)
    land_feeds(job, DAYS, [])
    return job


@pytest.fixture(scope="session")
def built(landed: Job, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """All days of all tables built. To be read only: tests work on ``lakes.copy_of`` it."""
    job = lakes.copy_of(landed, tmp_path_factory.mktemp("built"))
    build_tables(job, "flights.features", DAYS)
    return job

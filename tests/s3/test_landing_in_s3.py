"""Landings in S3: none is lost between landers, and the state of 1,100 days is read with three requests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from headrace import storage
from headrace.landing.delivered import Delivered
from headrace.landing.entry import Record
from headrace.landing.log import Log
from headrace.landing.record import landed
from headrace.storage import S3Path

from tests.support.faulty_s3 import Faults, between
from tests.support.inbox import LATER, ROWS, Inbox
from tests.support.s3_server import Server
from tests.support.sent_requests import counting_requests

DAYS = [dt.date(2013, 1, 1) + dt.timedelta(days=n) for n in range(1100)]
FAR = Faults(delay=0.01)  # in each direction
NEWER = ROWS.replace(b"39.0", b"38.9")
COLUMNS = tuple(f"column_{n}" for n in range(20))


@pytest.fixture(scope="module")
def long_log(bucket: S3Path) -> Log:
    """A log of 1,100 days, landed night after night, whose index holds all but the last three."""
    log = Log(bucket / "long" / "raw", "weather")
    state = log.read().state
    for day in DAYS[:-3]:
        state = log.append(state, (record_of(day),))
    log.renew_index(log.read(), state)
    for day in DAYS[-3:]:
        state = log.append(state, (record_of(day),))
    return log


def record_of(day: dt.date) -> Record:
    file = Delivered(name="w.csv.gz", stored="0-w.csv.gz", bytes=1, sha256=f"{day:%Y%m%d}" * 8, rows=9, columns=COLUMNS)
    return Record(feed="weather", day=day, landed_at=LATER, source=f"s3://inbox/weather/{day}/*", files=(file,))


def test_the_state_of_1100_days_is_read_with_three_requests_and_one_for_each_later_entry(long_log: Log) -> None:
    with counting_requests() as sent:
        found = landed(long_log.raw, "weather")
    assert list(found) == DAYS
    assert len(sent) == 3 + 3


def test_a_feed_that_never_landed_is_asked_for_with_three_requests(folder: S3Path) -> None:
    with counting_requests() as sent:
        assert landed(folder / "raw", "weather") == {}
    assert len(sent) <= 3


def test_a_missing_index_is_made_again_by_the_next_landing(folder: S3Path) -> None:
    weather = Inbox(folder)
    for day in DAYS[:3]:
        weather.deliver(ROWS, day=day)
        weather.land(str(day))
    good = weather.index.read_bytes()
    storage.remove(weather.index)
    assert list(landed(weather.raw, "weather")) == DAYS[:3]
    assert weather.land(str(DAYS[0])).landed == 0
    assert weather.index.read_bytes() == good


def test_landers_behind_a_slow_network_lose_no_day_and_land_none_twice(
    server: Server, folder: S3Path, through: Callable[[int], None]
) -> None:
    weather = Inbox(folder)
    for day in DAYS[:12]:
        weather.deliver(ROWS, day=day)
    ranges = [f"{DAYS[start]}..{DAYS[start + 5]}" for start in range(0, 7, 2)] * 2  # each overlaps the next
    with between(server.port, FAR) as port, ThreadPoolExecutor(len(ranges)) as pool:
        through(port)
        landings = list(pool.map(weather.land, ranges))
    through(server.port)
    recorded = [record.day for entry in Log(weather.raw, "weather").entries() for record in entry.landed]
    assert sorted(str(day) for day in recorded) == [str(day) for day in DAYS[:12]]
    assert sum(landing.landed for landing in landings) == 12
    assert all(weather.landed(day) == {"w.csv": ROWS} for day in DAYS[:12])


def test_a_withdrawn_landing_gives_way_to_the_one_before_it_in_s3(folder: S3Path) -> None:
    weather = Inbox(folder)
    for content in (ROWS, NEWER):
        weather.deliver(content)
        weather.land()
    weather.withdraw()
    assert weather.landed() == {"w.csv": ROWS}
    assert weather.land().landed == 0

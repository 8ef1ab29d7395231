"""Which delivery of a day counts as of an instant: the first from the beginning, a correction from its landing."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from headrace import declare, storage
from headrace.commands import Land
from headrace.config import Config
from headrace.errors import ArgumentsError, MissingInputError
from headrace.frozen import FrozenModel
from headrace.landing.entry import Record, Withdrawn, folder
from headrace.landing.landings import Landings
from headrace.landing.log import Log
from headrace.stages.context import StageContext
from headrace.stages.land import land_feeds
from headrace.storage import records

from tests.support.inbox import DAY, ROWS, STATIONS, WEATHER, Inbox

HOUR = dt.timedelta(hours=1)
FIRST = dt.datetime(2013, 2, 1, tzinfo=dt.UTC)  # weeks after the day
SECOND, THIRD = FIRST + 10 * HOUR, FIRST + 20 * HOUR
NEWER, NEWEST = ROWS.replace(b"39.0", b"38.9"), ROWS.replace(b"39.0", b"38.8")


class OlderIndex(FrozenModel):
    """The index that earlier versions of Headrace wrote: it has only the standing records."""

    feed: str
    number: int
    token: str
    standing: tuple[Record, ...]
    withdrawn: tuple[Withdrawn, ...] = ()


@pytest.fixture
def weather(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


def delivered_again(inbox: Inbox, day: dt.date | None = DAY) -> None:
    """Three deliveries of a day, each with other files."""
    for content, now in ((ROWS, FIRST), (NEWER, SECOND), (NEWEST, THIRD)):
        inbox.deliver(content, day=day)
        inbox.land(now=now)


def seen(inbox: Inbox, cut_off: dt.datetime | None, day: dt.date | None = DAY) -> dt.datetime | None:
    """When the delivery landed that counts as of an instant."""
    record = Landings(inbox.raw).record(inbox.feed.name, day, cut_off)
    return record.landed_at if record else None


def test_the_first_delivery_counts_from_the_beginning_however_late_it_landed(weather: Inbox) -> None:
    delivered_again(weather)
    assert seen(weather, dt.datetime(2013, 1, 2, tzinfo=dt.UTC)) == FIRST


def test_a_correction_counts_after_its_landing(weather: Inbox) -> None:
    delivered_again(weather)
    cut_offs = [SECOND, SECOND + HOUR, THIRD, THIRD + HOUR, None]
    assert [seen(weather, cut_off) for cut_off in cut_offs] == [FIRST, SECOND, SECOND, THIRD, THIRD]


def test_a_correction_counts_from_when_the_log_had_it_and_not_from_when_its_landing_began(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land(now=FIRST)
    weather.deliver(NEWER)
    hours = itertools.count()
    landing = weather.land(now=lambda: SECOND + next(hours) * HOUR)
    recorded = SECOND + (next(hours) - 1) * HOUR
    assert landing.corrections == {str(DAY): recorded}
    assert seen(weather, recorded) == FIRST
    assert seen(weather, None) == recorded > SECOND


def test_a_clock_that_was_set_back_puts_no_correction_before_an_earlier_one(weather: Inbox) -> None:
    for content, now in ((ROWS, FIRST), (NEWER, THIRD), (NEWEST, SECOND)):
        weather.deliver(content)
        weather.land(now=now)
    assert [seen(weather, cut_off) for cut_off in (SECOND + HOUR, THIRD + HOUR)] == [FIRST, THIRD]
    assert weather.landed() == {"w.csv": NEWEST}


def test_a_reference_feed_has_a_first_delivery_and_corrections_too(tmp_path: Path) -> None:
    stations = Inbox(tmp_path, STATIONS)
    delivered_again(stations, None)
    assert [seen(stations, cut_off, None) for cut_off in (FIRST, THIRD, None)] == [FIRST, SECOND, THIRD]


def test_files_that_come_after_the_feed_went_on_without_the_day_are_its_first_delivery(tmp_path: Path) -> None:
    weather = Inbox(tmp_path, replace(WEATHER, if_missing="continue"))
    assert weather.land(now=FIRST).missing == [DAY]
    assert seen(weather, FIRST) == FIRST
    weather.deliver(ROWS)
    assert weather.land(now=SECOND).corrections == {}
    assert seen(weather, FIRST) == SECOND


def test_a_withdrawn_correction_never_was(weather: Inbox) -> None:
    delivered_again(weather)
    weather.withdraw()
    assert seen(weather, THIRD + HOUR) == SECOND


def test_a_restatement_takes_the_place_of_all_deliveries_before_it_and_keeps_who_and_why(weather: Inbox) -> None:
    delivered_again(weather)
    weather.deliver(ROWS)
    landing = weather.land(now=THIRD + HOUR, restate="in Fahrenheit")
    assert (landing.landed, landing.corrections) == (1, {})
    assert seen(weather, FIRST) == THIRD + HOUR
    record = weather.record()
    assert record is not None
    assert record.restated is not None
    assert (record.restated.by, record.restated.reason) == ("ann", "in Fahrenheit")


@pytest.mark.parametrize("inbox_is_cleared", [False, True])
def test_a_correction_that_has_landed_can_be_restated(weather: Inbox, inbox_is_cleared: bool) -> None:
    delivered_again(weather)
    if inbox_is_cleared:
        storage.remove(weather.inbox)
    assert weather.land(now=THIRD + HOUR, restate="in Fahrenheit").landed == 1
    assert seen(weather, FIRST) == THIRD + HOUR
    assert weather.landed() == {"w.csv": NEWEST}
    assert weather.land(now=THIRD + 2 * HOUR, restate="once more").landed == 0


def test_a_withdrawn_restatement_brings_back_the_deliveries_before_it(weather: Inbox) -> None:
    delivered_again(weather)
    weather.land(now=THIRD + HOUR, restate="a mistake")
    weather.withdraw()
    assert [seen(weather, cut_off) for cut_off in (FIRST, THIRD, None)] == [FIRST, SECOND, THIRD]


def test_files_that_were_withdrawn_restate_no_other_delivery(weather: Inbox) -> None:
    delivered_again(weather)
    weather.withdraw()
    landing = weather.land(now=THIRD + HOUR, restate="the newest is right")
    assert (landing.landed, list(landing.withheld)) == (0, [str(DAY)])
    assert seen(weather, FIRST) == FIRST


def test_withdrawing_a_restatement_needs_the_files_of_all_deliveries_before_it(weather: Inbox) -> None:
    delivered_again(weather)
    weather.land(now=THIRD + HOUR, restate="a mistake")
    first = Log(weather.raw, "weather").read().state.deliveries[DAY][0].files[0].stored
    storage.remove(folder(weather.raw, "weather", DAY) / first)
    with pytest.raises(MissingInputError, match=f"{first} of an earlier landing is gone"):
        weather.withdraw()
    assert seen(weather, FIRST) == THIRD + HOUR


def test_landing_says_which_days_are_corrections_and_from_when_they_count(weather: Inbox) -> None:
    weather.deliver(ROWS)
    assert weather.land(now=FIRST).corrections == {}
    weather.deliver(NEWER)
    assert weather.land(now=SECOND).corrections == {str(DAY): SECOND}
    assert weather.land(now=THIRD).corrections == {}


def test_a_day_that_never_landed_has_no_delivery(weather: Inbox) -> None:
    assert seen(weather, FIRST) is None


def test_the_index_keeps_all_deliveries_and_reading_them_takes_no_more_requests(weather: Inbox) -> None:
    delivered_again(weather)
    found = Log(weather.raw, "weather").read()
    assert found.indexed == found.state.number == 3
    assert [record.landed_at for record in found.state.deliveries[DAY]] == [FIRST, SECOND, THIRD]


def test_an_index_of_an_earlier_version_of_headrace_is_not_used(weather: Inbox) -> None:
    delivered_again(weather)
    newest = Log(weather.raw, "weather").read().state
    older = OlderIndex(feed="weather", number=3, token=newest.token, standing=(newest.standing[DAY],))
    storage.write(weather.index, records.seal(older))
    found = Log(weather.raw, "weather").read()
    assert (found.indexed, len(found.state.deliveries[DAY])) == (0, 3)


def test_a_restatement_names_its_feed(config: Config) -> None:
    context = StageContext(config, declare.load("flights"))
    with pytest.raises(ArgumentsError, match="--restate would restate the corrections of all feeds"):
        land_feeds(context, Land("2013-01-01", restate=True))


def test_a_reason_without_a_restatement_is_refused(config: Config) -> None:
    context = StageContext(config, declare.load("flights"))
    with pytest.raises(ArgumentsError, match="--reason says why deliveries were wrong"):
        land_feeds(context, Land("2013-01-01", reason="in Fahrenheit"))

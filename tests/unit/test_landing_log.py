"""Landings are numbered and exclusive: none is lost, older input never wins, and the index is only a cache."""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from headrace import declare, storage
from headrace.commands import Withdraw
from headrace.config import Config
from headrace.errors import ArgumentsError, ArtefactError, BadInputError, MissingInputError, WriteConflictError
from headrace.landing import land as landing
from headrace.landing import log
from headrace.landing.entry import Entry
from headrace.landing.log import Log
from headrace.landing.record import landed
from headrace.landing.state import State
from headrace.stages.context import StageContext
from headrace.stages.land import withdraw_landings
from headrace.storage import records

from tests.support import PROJECT
from tests.support.inbox import DAY, ROWS, STATIONS, WEATHER, Inbox

NEWER = ROWS.replace(b"39.0", b"38.9")  # of the same size
OTHER = dt.date(2013, 1, 3)
RANGE = "2013-01-01..2013-01-09"


@pytest.fixture
def weather(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


def before_append(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], times: int = 1) -> None:
    """Do something else at the moment when a lander has copied its files and not yet recorded them."""
    append, left = Log.append, [times]

    def disturbed(self: Log, *args: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            act()
        return append(self, *args, **options)

    monkeypatch.setattr(Log, "append", disturbed)


def in_raw(inbox: Inbox) -> dict[str, bytes]:
    return {storage.below(inbox.raw, file): file.read_bytes() for file in inbox.raw.rglob("*") if file.is_file()}


# Landers beside each other


def test_a_lander_that_read_older_files_does_not_overwrite_newer_ones(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_lands_a_correction() -> None:
        weather.deliver(NEWER)
        assert weather.land().landed == 1

    weather.deliver(ROWS)
    before_append(monkeypatch, somebody_lands_a_correction)
    assert weather.land().landed == 0
    assert weather.landed() == {"w.csv": NEWER}
    assert len(weather.entries()) == 1


def test_a_lander_that_read_newer_files_replaces_older_ones_that_landed_before_it(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_lands_the_files_of_before() -> None:
        weather.deliver(ROWS)
        weather.land()
        weather.deliver(NEWER)

    weather.deliver(NEWER)
    before_append(monkeypatch, somebody_lands_the_files_of_before)
    assert weather.land().landed == 1
    assert weather.landed() == {"w.csv": NEWER}
    assert len(weather.entries()) == 2


def test_of_two_landers_with_common_days_each_keeps_its_own_and_the_common_ones_land_once(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3):
        weather.deliver(ROWS, day=dt.date(2013, 1, day))
    before_append(monkeypatch, lambda: weather.land("2013-01-02..2013-01-03"))
    assert weather.land("2013-01-01..2013-01-02").landed == 1
    entries = [[record.day for record in entry.landed] for entry in Log(weather.raw, "weather").entries()]
    assert entries == [[DAY, OTHER], [dt.date(2013, 1, 1)]]


def test_eight_landers_of_the_same_files_end_with_one_landing(weather: Inbox) -> None:
    for day in range(1, 10):
        weather.deliver(ROWS, day=dt.date(2013, 1, day))
    with ThreadPoolExecutor(8) as pool:
        landings = list(pool.map(lambda _: weather.land(RANGE), range(8)))
    assert [one.days for one in landings] == [9] * 8
    assert sum(one.landed for one in landings) == 9
    assert sum(len(entry.landed) for entry in Log(weather.raw, "weather").entries()) == 9


def test_a_reader_passes_over_the_folders_that_another_lander_makes_and_removes(weather: Inbox) -> None:
    day = weather.raw / "weather" / "2013-01-01"
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            for number in range(50):
                (day / f".{number}").mkdir(parents=True, exist_ok=True)
            shutil.rmtree(day)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(come_and_go)
        try:
            for _ in range(200):
                assert Log(weather.raw, "weather").read().state == State()
        finally:
            done.set()
        other.result()


def test_eight_landers_of_other_days_lose_none(weather: Inbox) -> None:
    days = [f"2013-01-0{day}" for day in range(1, 9)]
    for day in days:
        weather.deliver(ROWS, day=dt.date.fromisoformat(day))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(weather.land, days))
    assert sorted(map(str, landed(weather.raw, "weather"))) == days


def test_a_lander_that_others_overtake_all_the_time_gives_up_and_may_be_tried_again(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_is_first() -> None:
        entry = Entry(number=len(weather.entries()) + 1)
        records.create(weather.log / f"{entry.number:020d}.json", entry)

    weather.deliver(ROWS)
    before_append(monkeypatch, somebody_is_first, times=landing.TRIES)
    with pytest.raises(WriteConflictError, match="other processes landed feed weather at the same time"):
        weather.land()
    assert weather.land().landed == 1


def test_a_long_range_is_recorded_in_parts(weather: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "CHUNK", 4)
    for day in range(1, 10):
        weather.deliver(ROWS, day=dt.date(2013, 1, day))
    assert weather.land(RANGE).landed == 9
    assert [len(entry.landed) for entry in Log(weather.raw, "weather").entries()] == [4, 4, 1]


# Crashes and damage

KILLED_IN = """
import os, signal, sys
from pathlib import Path
from headrace.landing.log import Log
from tests.support.inbox import Inbox
setattr(Log, sys.argv[1], lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
Inbox(Path(sys.argv[2])).land("2013-01-02..2013-01-03")
"""


@pytest.mark.fault
@pytest.mark.parametrize(("moment", "entries"), [("append", 1), ("renew_index", 2)])
def test_a_lander_that_is_killed_lands_nothing_or_all_and_the_next_completes_it(
    tmp_path: Path, moment: str, entries: int
) -> None:
    weather = Inbox(tmp_path)
    weather.deliver(ROWS)
    weather.land()
    weather.deliver(NEWER)
    weather.deliver(ROWS, day=OTHER)
    line = [sys.executable, "-c", KILLED_IN, moment, str(tmp_path)]
    assert subprocess.run(line, cwd=PROJECT, env={"PYTHONPATH": "lib"}, check=False).returncode == -9
    assert len(weather.entries()) == entries
    was_recorded = entries == 2
    assert weather.landed() == {"w.csv": NEWER if was_recorded else ROWS}
    assert weather.land("2013-01-02..2013-01-03").landed == (0 if was_recorded else 2)
    assert weather.landed() == {"w.csv": NEWER}
    assert weather.landed(OTHER) == {"w.csv": ROWS}
    assert len(weather.entries()) == 2


def damaged(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:100])


def changed(index: Path) -> None:
    index.write_text(index.read_text().replace('"rows": 2', '"rows": 3'))


def of_another_feed(index: Path) -> None:
    other = Inbox(index.parents[3] / "other", replace(WEATHER, name="other", pattern="other/{day}/*"))
    for day in (DAY, OTHER):
        other.deliver(ROWS, day=day)
        other.land(str(day))
    shutil.copy(str(other.index), index)


@pytest.mark.parametrize("harm", [damaged, changed, of_another_feed, Path.unlink])
def test_an_index_that_is_damaged_missing_or_another_feeds_is_not_used_and_made_again(
    weather: Inbox, harm: Callable[[Path], object]
) -> None:
    for day in (DAY, OTHER):
        weather.deliver(ROWS, day=day)
        weather.land(str(day))
    good, expected = weather.index.read_bytes(), dict(landed(weather.raw, "weather"))
    harm(Path(str(weather.index)))
    assert landed(weather.raw, "weather") == expected
    assert weather.land("2013-01-02..2013-01-03").landed == 0
    assert weather.index.read_bytes() == good


def test_an_index_that_is_older_is_continued_by_the_entries_after_it(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    old = weather.index.read_bytes()
    weather.deliver(NEWER)
    weather.land()
    storage.write(weather.index, old)
    assert weather.landed() == {"w.csv": NEWER}


def test_an_index_is_never_replaced_by_an_older_one(weather: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def somebody_lands_another_day() -> None:
        monkeypatch.undo()
        weather.deliver(ROWS, day=OTHER)
        weather.land(str(OTHER))

    renew = Log.renew_index

    def late(*args: Any) -> None:
        somebody_lands_another_day()
        renew(*args)

    weather.deliver(ROWS)
    monkeypatch.setattr(Log, "renew_index", late)
    weather.land()
    assert json.loads(weather.index.read_bytes())["content"]["number"] == 2


def test_an_index_that_cannot_be_written_keeps_nothing_from_landing(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(log, "replace_if", full)
    weather.deliver(ROWS)
    assert weather.land().landed == 1
    assert weather.landed() == {"w.csv": ROWS}
    assert not weather.index.exists()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_entry_that_is_missing_or_changed_is_named(weather: Inbox, number: int) -> None:
    for day in range(1, 5):
        weather.deliver(ROWS, day=dt.date(2013, 1, day))
        weather.land(f"2013-01-0{day}")
    storage.remove(weather.index)
    entry = weather.entries()[number - 1]
    content = entry.read_bytes()
    storage.write(entry, content.replace(b'"rows": 2', b'"rows": 3'))
    with pytest.raises(ArtefactError, match=f"{entry.name} was changed after it was written"):
        weather.record()
    storage.write(entry, weather.entries()[3].read_bytes())
    with pytest.raises(ArtefactError, match=f"{entry.name} is a copy of entry 4"):
        weather.record()
    storage.remove(entry)
    with pytest.raises(ArtefactError, match=f"{entry.name} is missing"):
        weather.record()


def test_newest_entries_that_are_missing_are_noticed_by_the_index(weather: Inbox) -> None:
    for content in (ROWS, NEWER):
        weather.deliver(content)
        weather.land()
    newest = weather.entries()[-1]
    storage.remove(newest)
    with pytest.raises(ArtefactError, match=f"{newest.name} is missing"):
        weather.record()


def test_an_index_of_another_log_of_the_feed_is_not_used(weather: Inbox, tmp_path: Path) -> None:
    other = Inbox(tmp_path / "other")
    for inbox, content in ((weather, ROWS), (other, NEWER)):
        inbox.deliver(content)
        inbox.land()
    storage.write(weather.index, other.index.read_bytes())
    assert weather.landed() == {"w.csv": ROWS}


# Records of earlier versions


def as_before(inbox: Inbox) -> None:
    """Turn the landings into what earlier versions of Headrace wrote."""
    for day, record in landed(inbox.raw, inbox.feed.name).items():
        storage.write(inbox.raw / inbox.feed.name / str(day) / "_landed.json", record.model_dump_json().encode())
    storage.remove(inbox.log)


def test_the_records_of_an_earlier_version_count_and_are_taken_over_by_the_first_landing(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    before = weather.record()
    as_before(weather)
    assert weather.record() == before
    weather.deliver(NEWER, day=OTHER)
    assert weather.land("2013-01-02..2013-01-03").landed == 1
    storage.remove(weather.raw / "weather" / str(DAY) / "_landed.json")
    assert weather.record() == before
    assert weather.landed(OTHER) == {"w.csv": NEWER}


def test_a_damaged_record_of_an_earlier_version_is_named_with_what_to_remove(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    as_before(weather)
    record = weather.raw / "weather" / str(DAY) / "_landed.json"
    storage.write(record, record.read_bytes()[:40])
    with pytest.raises(BadInputError) as refused:
        weather.land()
    said = f"{record} is not a landing record. Remove {record.parent} and land the day again"
    assert str(refused.value) == said


# Withdrawing


def test_the_landing_before_stands_again_after_a_withdrawal_with_its_publish_id(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    first = weather.record()
    weather.deliver(NEWER)
    weather.land()
    weather.withdraw()
    assert weather.record() == first
    assert weather.landed() == {"w.csv": ROWS}


def test_two_withdrawals_go_back_two_landings_and_a_third_finds_none(weather: Inbox) -> None:
    for content in (ROWS, NEWER):
        weather.deliver(content)
        weather.land()
    weather.withdraw()
    weather.withdraw()
    assert weather.record() is None
    with pytest.raises(MissingInputError, match="feed weather has no landed files on these days"):
        weather.withdraw()


def test_a_withdrawal_takes_only_the_days_that_it_names(weather: Inbox) -> None:
    for day in (DAY, OTHER):
        weather.deliver(ROWS, day=day)
    weather.land("2013-01-02..2013-01-03")
    weather.withdraw(OTHER, dt.date(2013, 1, 4))
    assert list(landed(weather.raw, "weather")) == [DAY]


def test_who_withdrew_a_landing_and_why_is_kept(weather: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    weather.deliver(ROWS)
    weather.land()
    record = weather.record()
    (withdrawn,) = weather.withdraw(reason="in Fahrenheit").withdrawn[DAY]
    assert (withdrawn.by, withdrawn.reason, withdrawn.record) == ("ann", "in Fahrenheit", record)


def test_files_that_were_withdrawn_do_not_land_again_by_themselves(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    for content in (ROWS, NEWER):
        weather.deliver(content)
        weather.land()
    weather.withdraw()
    before = in_raw(weather)
    nightly = weather.land()
    assert (nightly.landed, nightly.rows) == (0, 2)
    assert nightly.withheld == {"2013-01-02": "withdrawn by ann: in Fahrenheit"}
    assert in_raw(weather) == before


def test_other_files_land_after_a_withdrawal_and_the_withdrawn_ones_stay_withheld(weather: Inbox) -> None:
    corrected = ROWS.replace(b"39.0", b"3.9")
    for content in (ROWS, NEWER):
        weather.deliver(content)
        weather.land()
    weather.withdraw()
    weather.deliver(corrected)
    assert weather.land().landed == 1
    weather.deliver(NEWER)
    assert weather.land().landed == 0
    assert weather.landed() == {"w.csv": corrected}


def test_withdrawn_files_land_when_somebody_asks_for_it_and_then_count_as_any(weather: Inbox) -> None:
    for content in (ROWS, NEWER):
        weather.deliver(content)
        weather.land()
    weather.withdraw()
    assert weather.land(again=True).landed == 1
    assert weather.landed() == {"w.csv": NEWER}
    assert weather.land() == weather.land(again=True)


def test_a_day_whose_only_landing_was_withdrawn_is_missing_and_it_is_said_by_whom(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    weather.deliver(ROWS)
    weather.land()
    weather.withdraw()
    with pytest.raises(MissingInputError) as missing:
        weather.land()
    assert str(missing.value) == (
        f"feed weather has no files for 2013-01-02: those that match {weather.inbox}/weather/2013-01-02/* were "
        "withdrawn by ann (in Fahrenheit), and they were due by 2013-01-02 04:00 UTC. "
        "Deliver other files, or land these with --again"
    )


def test_a_landing_that_meets_a_withdrawal_does_not_undo_it(weather: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    weather.deliver(ROWS)
    weather.land()
    weather.deliver(NEWER)
    weather.land()
    storage.remove(weather.inbox / "weather" / str(DAY) / "w.csv")
    weather.deliver(NEWER, "renamed.csv")  # the same content lands, because its name is another
    before_append(monkeypatch, weather.withdraw)
    assert weather.land().landed == 0
    assert weather.landed() == {"w.csv": ROWS}


def test_a_withdrawal_that_meets_a_correction_of_its_day_is_refused(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def somebody_lands_a_correction() -> None:
        weather.deliver(NEWER)
        weather.land()

    weather.deliver(ROWS)
    weather.land()
    before_append(monkeypatch, somebody_lands_a_correction)
    with pytest.raises(WriteConflictError, match="changed the landings of feed weather"):
        weather.withdraw()
    assert weather.landed() == {"w.csv": NEWER}


def test_a_withdrawal_that_meets_a_landing_of_another_day_keeps_both(
    weather: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather.deliver(ROWS)
    weather.land()
    weather.deliver(ROWS, day=OTHER)
    before_append(monkeypatch, lambda: weather.land(str(OTHER)))
    weather.withdraw()
    assert list(landed(weather.raw, "weather")) == [OTHER]


def test_a_withdrawal_whose_earlier_files_are_gone_is_refused(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    first = weather.record()
    weather.deliver(NEWER)
    weather.land()
    assert first is not None
    storage.remove(weather.raw / "weather" / str(DAY) / first.files[0].stored)
    with pytest.raises(MissingInputError, match=rf"{first.files[0].stored} of an earlier landing is gone"):
        weather.withdraw()
    assert weather.landed() == {"w.csv": NEWER}


def test_a_reference_feed_is_withdrawn_without_days(tmp_path: Path) -> None:
    stations = Inbox(tmp_path, STATIONS)
    for content in (ROWS, NEWER):
        stations.deliver(content, day=None)
        stations.land()
    stations.withdraw(None)
    assert stations.landed(None) == {"w.csv": ROWS}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Withdraw("weather"), "withdraw: feed weather needs --days"),
        (Withdraw("planes", "2013-01-02"), "withdraw: feed planes takes no --days, because it is a reference feed"),
    ],
)
def test_the_days_of_a_withdrawal_must_fit_the_feed(config: Config, command: Withdraw, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        withdraw_landings(StageContext(config, declare.load("flights")), command)
    assert refused.value.what == said


def test_the_stage_withdraws_and_says_for_how_many_days_an_earlier_landing_stands(config: Config) -> None:
    weather = Inbox(config.layout.root)
    for day in (DAY, OTHER):
        weather.deliver(ROWS, day=day)
    weather.land("2013-01-02..2013-01-03")
    weather.deliver(NEWER)
    weather.land()
    command = Withdraw("weather", "2013-01-02..2013-01-03", reason="in Fahrenheit")
    result = withdraw_landings(StageContext(config, declare.load("flights")), command)
    assert (result.of, result.days, result.rows) == ("weather", "2013-01-02..2013-01-03", 2)
    assert result.sentence == "weather 2013-01-02..2013-01-03 withdrawn; an earlier landing stands for 1 of 2 days"
    assert weather.landed() == {"w.csv": ROWS}
    assert weather.landed(OTHER) == {}

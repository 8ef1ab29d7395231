"""Landing again reads only the files that were written since they landed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from headrace import storage
from headrace.errors import MissingInputError
from headrace.landing.land import utc_now
from headrace.landing.withdraw import withdraw
from headrace.storage import stamps

from tests.support.inbox import DAY, ROWS, Inbox
from tests.support.opened import files_opened

FIRST = dt.date(2013, 1, 1)
YEAR = [FIRST + dt.timedelta(days=n) for n in range(365)]
OTHER = ROWS.replace(b"39.0", b"38.9")  # as many bytes
GRAIN = 0.05


@pytest.fixture
def weather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """An inbox on a file system with a fine clock, so that no test has to wait for long."""
    monkeypatch.setattr(stamps, "GRAIN_SECONDS", GRAIN)
    return Inbox(tmp_path)


def delivered(weather: Inbox, content: bytes = ROWS, day: dt.date = DAY) -> Path:
    path = weather.deliver(content, day=day)
    assert isinstance(path, Path)
    return path


def settle() -> None:
    """Wait until a further write would give a file another time."""
    time.sleep(2 * GRAIN)


def reads_of_landing_again(weather: Inbox, days: str = str(DAY)) -> list[str]:
    with files_opened(Path(str(weather.inbox))) as opened:
        assert weather.land(days, utc_now).landed == 0
    return opened


def test_a_rerun_over_a_year_reads_no_content(weather: Inbox) -> None:
    for day in YEAR:
        delivered(weather, day=day)
    settle()
    days = f"{YEAR[0]}..{YEAR[-1]}"
    assert weather.land(days, utc_now).landed == 365
    assert reads_of_landing_again(weather, days) == []


def test_files_of_one_size_that_came_in_the_same_tick_of_the_clock_keep_their_own_contents(weather: Inbox) -> None:
    """A withdrawn pair of files must not seem to be another pair."""
    folder = delivered(weather).parent
    (folder / "w.csv").unlink()
    for name, content in (("a", ROWS), ("b", OTHER)):
        (folder.parent / name).write_bytes(content)
    for name in ("a", "b"):
        (folder.parent / name).rename(folder / f"{name}.csv")
    settle()
    assert weather.land(str(DAY), utc_now).landed == 1
    assert weather.land(str(DAY), utc_now).landed == 0
    withdraw(weather.raw, weather.feed.name, [DAY], reason="wrong", now=utc_now())
    with pytest.raises(MissingInputError, match=r"were withdrawn by \w+ \(wrong\)"):
        weather.land(str(DAY), utc_now)


def test_a_touched_file_lands_nothing(weather: Inbox) -> None:
    path = delivered(weather)
    settle()
    weather.land(now=utc_now)
    path.touch()
    assert reads_of_landing_again(weather) == ["w.csv"]
    assert len(weather.entries()) == 1


def test_a_changed_file_of_the_same_size_is_a_correction(weather: Inbox) -> None:
    path = delivered(weather)
    settle()
    weather.land(now=utc_now)
    path.write_bytes(OTHER)
    assert list(weather.land(now=utc_now).corrections) == [str(DAY)]
    assert weather.landed() == {"w.csv": OTHER}


def test_a_changed_file_of_the_same_size_whose_time_is_set_back_is_a_correction(weather: Inbox) -> None:
    path = delivered(weather)
    settle()
    weather.land(now=utc_now)
    before = path.stat()
    path.write_bytes(OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(weather.land(now=utc_now).corrections) == [str(DAY)]


def test_a_file_that_landed_as_soon_as_it_was_written_is_read_again(weather: Inbox) -> None:
    delivered(weather)
    weather.land(now=utc_now)
    assert reads_of_landing_again(weather) == ["w.csv"]


def test_a_record_of_an_earlier_version_reads_on_and_its_file_is_read_again(weather: Inbox) -> None:
    delivered(weather)
    settle()
    weather.land(now=utc_now)
    (entry,) = weather.entries()
    storage.remove(weather.index)
    content = json.loads(entry.read_bytes())["content"]
    for new in ("stamp", "version"):
        del content["landed"][0]["files"][0][new]
    seal = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    storage.write(entry, json.dumps({"sha256": seal, "content": content}).encode())
    assert reads_of_landing_again(weather) == ["w.csv"]


def test_withdrawn_files_that_were_not_written_since_are_not_read_again(weather: Inbox) -> None:
    delivered(weather)
    settle()
    weather.land(now=utc_now)
    weather.withdraw()
    with files_opened(Path(str(weather.inbox))) as opened, pytest.raises(MissingInputError, match="withdrawn"):
        weather.land(now=utc_now)
    assert opened == []

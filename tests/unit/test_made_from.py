"""What a commit keeps of what its days were made from."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

from headrace.days import ONE, DayRange
from headrace.lake import DayContents
from headrace.lake.commits import file_of, parse
from headrace.lake.look import look
from headrace.lake.made_from import MadeFrom, SeenIds, made_from

DAYS = DayRange.parse("2026-01-01..2026-12-31")
IDS = {day: hashlib.sha256(str(day).encode()).hexdigest()[:16] for day in DAYS.widened(32)}
SEEN = SeenIds.of(IDS, DAYS.widened(32))


def committed(table: Path, contents: DayContents, **changes: object) -> Path:
    """A table with one commit, whose metadata may be changed."""
    metadata = json.loads(contents.as_metadata())
    metadata["headrace"] |= changes
    file = file_of(table, 0)
    file.parent.mkdir(parents=True)
    action = {"commitInfo": {"operation": "WRITE", "userMetadata": json.dumps(metadata)}}
    file.write_text(json.dumps(action))  # type: ignore[union-attr]
    return table


def told(table: Path) -> dict[dt.date, MadeFrom]:
    return made_from(table, look(table)[0].publications)


def test_each_day_of_the_window_has_the_first_digits_of_its_id() -> None:
    assert {day: SEEN.on(day) for day in IDS} == {day: publish_id[:4] for day, publish_id in IDS.items()}
    assert SEEN.on(DAYS.first - 33 * ONE) == SEEN.on(DAYS.last + ONE) == ""


def test_a_day_without_an_id_differs_from_every_other() -> None:
    assert SeenIds.of({DAYS.last: "abcdef"}, DayRange(DAYS.last - ONE, DAYS.last)).ids == "----abcd"


def test_a_reference_feed_has_one_id() -> None:
    assert SeenIds.of({None: "abcdef"}, None).on(None) == "abcd"


def test_a_commit_tells_what_each_of_its_days_was_made_from(tmp_path: Path) -> None:
    wanted = MadeFrom(code={"checks": "12345678"}, sources={"sales.orders": SEEN})
    ids = {day: IDS[day] for day in DAYS}
    table = committed(tmp_path, DayContents(ids, {}, made_from=wanted))
    assert told(table) == dict.fromkeys(DAYS, wanted)


def test_a_year_in_one_commit_takes_a_few_bytes_more_for_each_day() -> None:
    ids = {day: IDS[day] for day in DAYS}
    without = DayContents(ids, {}).as_metadata()
    with_it = DayContents(ids, {}, made_from=MadeFrom(sources={"sales.orders": SEEN})).as_metadata()
    assert len(with_it) - len(without) < 6 * len(DAYS)


def test_what_another_version_of_headrace_tells_in_another_way_is_left_out(tmp_path: Path) -> None:
    contents = DayContents({DAYS.first: "abcdef"}, {})
    table = committed(tmp_path, contents, made_from={"sources": ["sales.orders"]})
    assert told(table) == {}
    assert parse(0, file_of(table, 0).read_bytes()).published == {DAYS.first: ("abcdef", 0, 0)}


def test_another_commit_with_the_version_of_a_publication_tells_nothing_about_it(tmp_path: Path) -> None:
    table = committed(tmp_path, DayContents({DAYS.first: "abcdef"}, {}, made_from=MadeFrom(sources={"a": SEEN})))
    [publication] = look(table)[0].publications.values()
    assert made_from(table, {DAYS.first: publication.model_copy(update={"id": "other"})}) == {}

"""Raw files come in once, whole, as agreed; a corrected one comes in beside the one before."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from headrace import declare, storage
from headrace.commands import Land
from headrace.config import Config
from headrace.errors import BadInputError, InputNotYetError, MissingInputError
from headrace.landing.land import Landing
from headrace.landing.record import landed, read_record
from headrace.stages.context import StageContext
from headrace.stages.land import land_feeds

from tests.support import lakes, rush_lake
from tests.support.inbox import DAY, LATER, ROWS, STATIONS, WEATHER, Inbox

AGAIN = "Ask the feed's owner to deliver it again, then land the day again"

OR_ALLOW = f'{AGAIN}. If a day may have no rows, declare empty="allow"'

PARTS = {f"{name}.csv": ROWS.replace(b"39.0", f"{temp}.0".encode()) for name, temp in (("a", 1), ("b", 2), ("c", 3))}


@pytest.fixture
def weather(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path, WEATHER)


def files(inbox: Inbox) -> dict[str, tuple[bytes, int]]:
    """All that lies in the raw area, with the time of its last change."""
    found = (p for p in Path(str(inbox.raw)).rglob("*") if p.is_file())
    return {str(p.relative_to(str(inbox.raw))): (p.read_bytes(), p.stat().st_mtime_ns) for p in found}


def refusal(inbox: Inbox, error: type[Exception] = BadInputError, now: dt.datetime = LATER) -> str:
    with pytest.raises(error) as refused:
        inbox.land(now=now)
    return str(refused.value)


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_delivered_file_is_landed_with_its_size_digest_and_rows(weather: Inbox) -> None:
    path = weather.deliver(ROWS)
    assert weather.land() == Landing(feed="weather", days=1, files=1, rows=2, landed=1)
    record = read_record(weather.raw, "weather", DAY)
    assert record is not None
    (file,) = record.files
    assert file.sha256 == "11388b77e537e0e64e499bbd04b77a34e617004037e03c429fd8025fea3d23e4"
    assert (file.bytes, file.rows, file.columns) == (len(ROWS), 2, ("origin", "temp"))
    assert (record.landed_at, record.source) == (LATER, str(path.parent / "*"))
    assert weather.landed() == {"w.csv": ROWS}


def test_landing_again_touches_no_file(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    before = files(weather)
    assert weather.land(now=LATER + dt.timedelta(days=1)).landed == 0
    assert files(weather) == before


def test_a_cleared_inbox_takes_nothing_away(weather: Inbox) -> None:
    path = weather.deliver(ROWS)
    weather.land()
    before = files(weather)
    path.unlink()
    assert weather.land().rows == 2
    assert files(weather) == before


def test_a_corrected_file_is_landed_beside_the_bytes_before(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    old = read_record(weather.raw, "weather", DAY)
    corrected = ROWS.replace(b"39.0", b"38.9")  # of the same size
    weather.deliver(corrected)
    assert weather.land().landed == 1
    new = read_record(weather.raw, "weather", DAY)
    assert old is not None
    assert new is not None
    assert weather.landed() == {"w.csv": corrected}
    assert (weather.raw / "weather" / str(DAY) / old.files[0].stored).read_bytes() == ROWS
    assert old.publish_id != new.publish_id


def test_the_same_bytes_have_the_same_publish_id_under_any_name_and_at_any_time(weather: Inbox, tmp_path: Path) -> None:
    other = Inbox(tmp_path / "other", WEATHER)
    weather.deliver(ROWS)
    other.deliver(ROWS, "weather-2013.csv")
    weather.land()
    other.land(now=LATER + dt.timedelta(days=9))
    ids = {r.publish_id for i in (weather, other) if (r := read_record(i.raw, "weather", DAY))}
    assert len(ids) == 1


def test_rows_of_a_large_file_are_counted_without_its_blank_lines(weather: Inbox) -> None:
    """The file is read in chunks, which end within lines and between CR and LF."""
    weather.deliver(b"origin,temp\r\n" + b"EWR,39.0\r\n\r\n" * 300_000)
    assert weather.land().rows == 300_000


@pytest.mark.parametrize(
    ("name", "content"),
    [("w.csv", ROWS), ("w.csv.gz", gzip.compress(ROWS)), ("w.csv.zip", zipped(w=ROWS))],
    ids=["plain", "gzip", "zip"],
)
def test_plain_gzip_and_zip_hold_the_same_rows(weather: Inbox, name: str, content: bytes) -> None:
    weather.deliver(content, name)
    assert weather.land().rows == 2
    (stored,) = weather.landed().values()
    assert (ROWS if name == "w.csv" else gzip.decompress(stored)) == ROWS


@pytest.mark.parametrize("content", [ROWS.rstrip(b"\n"), ROWS.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + ROWS])
def test_a_missing_last_newline_windows_newlines_and_a_byte_order_mark_do_no_harm(
    weather: Inbox, content: bytes
) -> None:
    weather.deliver(content)
    assert weather.land().rows == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("w.csv", b""), ("w.csv.gz", b""), ("w.csv.gz", gzip.compress(b""))],
    ids=["plain", "no gzip", "gzip of nothing"],
)
def test_an_empty_file_is_refused(weather: Inbox, name: str, content: bytes) -> None:
    path = weather.deliver(content, name)
    assert refusal(weather) == f"{path} is empty. {OR_ALLOW}"
    assert files(weather) == {}


@pytest.mark.parametrize("content", [b"origin,temp", b"origin,temp\n", b"origin,temp\r\n\r\n\n"])
def test_a_header_without_rows_is_refused(weather: Inbox, content: bytes) -> None:
    path = weather.deliver(content)
    assert refusal(weather) == f"{path} has a header and no rows. {OR_ALLOW}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("w.csv.gz", gzip.compress(ROWS)[:-9]),
        ("w.csv.gz", gzip.compress(ROWS)[:-8] + b"\0" * 8),
        ("w.csv.gz", ROWS),
        ("w.csv.zip", zipped(w=ROWS)[:-30]),
        ("w.csv.zip", zipped(w=ROWS * 99).replace(b"EWR", b"EWX")[:40] + b"\0" + zipped(w=ROWS * 99)[41:]),
    ],
    ids=["gzip cut off", "gzip with a wrong checksum", "no gzip at all", "zip cut off", "zip with a wrong byte"],
)
def test_a_truncated_or_corrupt_file_is_refused_whole(weather: Inbox, name: str, content: bytes) -> None:
    path = weather.deliver(content, name)
    said = refusal(weather)
    assert said.startswith(f"{path} is truncated or corrupt (")
    assert said.endswith(AGAIN)
    assert files(weather) == {}


def test_a_zip_of_two_files_is_refused(weather: Inbox) -> None:
    path = weather.deliver(zipped(a=ROWS, b=ROWS), "w.zip")
    assert refusal(weather) == f"{path} holds 2 files. Deliver one file in each zip archive"


@pytest.mark.parametrize(
    ("content", "byte"),
    [
        ("origin,température\nEWR,1\n".encode("latin-1"), "0xE9 at offset 11"),
        (b"origin,temp\n" + b"EWR,39.0\n" * 200_000 + "Zürich,1\n".encode("latin-1"), "0xFC at offset 1,800,013"),
        (b"origin,temp\nEWR,\xc3", "0xC3 at offset 16"),
    ],
    ids=["header", "late in the body", "half a character at the end"],
)
def test_a_file_that_is_not_utf_8_is_refused_with_the_byte(weather: Inbox, content: bytes, byte: str) -> None:
    path = weather.deliver(content)
    hint = "Have it delivered as UTF-8, or declare format=csv(encoding=...) of its feed"
    assert refusal(weather) == f"{path} is not UTF-8: byte {byte}. {hint}"
    assert files(weather) == {}


@pytest.mark.parametrize("lines", [1, 20_000])
def test_a_quote_that_is_never_closed_is_refused(weather: Inbox, lines: int) -> None:
    path = weather.deliver(b'origin,temp\nEWR,1\n"JFK,2\n' + b"EWR,1\n" * lines)
    within = min(lines, 1000) + 1
    assert refusal(weather) == f"{path}: a quote in row 3 is not closed within {within:,} lines. {AGAIN}"


def test_a_quote_that_another_cell_closes_some_lines_later_is_refused(weather: Inbox) -> None:
    path = weather.deliver(b'origin,temp\nEWR,"1\nJFK,2\nLGA,"3"\n')
    assert refusal(weather) == f"{path}: a quote in row 2 is closed within another cell, some lines later. {AGAIN}"


def test_rows_that_end_in_different_ways_are_refused_if_cells_have_line_ends(weather: Inbox) -> None:
    path = weather.deliver(b'origin,temp\n"E\nWR",1\r\nJFK,2\r\n')
    assert refusal(weather) == f"{path}: its cells have line ends, and its rows end in different ways. {AGAIN}"
    weather.deliver(b"origin,temp\nEWR,1\r\nJFK,2\r\n")
    assert weather.land().rows == 2


@pytest.mark.parametrize("encoding", ["iso2022_jp", "utf-7", "hz", "cp932", "utf-32"])
def test_text_of_any_encoding_is_stored_as_utf_8(tmp_path: Path, encoding: str) -> None:
    inbox, text = Inbox(tmp_path, replace(WEATHER, format=declare.csv(encoding=encoding))), "origin,temp\n日本+~,1\n"
    inbox.deliver(text.encode(encoding))
    inbox.land()
    assert {name: gzip.decompress(content).decode() for name, content in inbox.landed().items()} == {"w.csv": text}


def test_a_file_without_the_mark_that_its_encoding_needs_is_refused_and_other_days_land(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, replace(WEATHER, format=declare.csv(encoding="utf-32")))
    inbox.deliver(ROWS)
    inbox.deliver(ROWS.decode().encode("utf-32"), day=DAY + dt.timedelta(days=1))
    with pytest.raises(BadInputError, match=r"w\.csv is not UTF-32: "):
        inbox.land(f"{DAY}..{DAY + dt.timedelta(days=1)}")
    assert list(inbox.landed(DAY + dt.timedelta(days=1))) == ["w.csv"]


def test_files_land_again_as_a_correction_once_their_dialect_is_declared_otherwise(tmp_path: Path) -> None:
    latin, windows = (
        Inbox(tmp_path, replace(WEATHER, format=declare.csv(encoding=encoding))) for encoding in ("latin-1", "cp1252")
    )
    latin.deliver("origin,temp\n€,1\n".encode("cp1252"))
    latin.land()
    before = latin.record()
    assert windows.land(now=LATER + dt.timedelta(days=1)).landed == 1
    after = windows.record()
    assert before is not None
    assert after is not None
    assert before.publish_id != after.publish_id
    assert gzip.decompress(windows.landed()["w.csv"]).decode() == "origin,temp\n€,1\n"
    assert windows.land(now=LATER + dt.timedelta(days=2)).landed == 0


def test_a_pattern_may_ask_for_files_that_begin_with_an_underscore(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, replace(WEATHER, pattern="weather/{day}/_*"))
    inbox.deliver(ROWS, "_w.csv")
    assert inbox.land().files == 1


def test_a_withdrawn_delivery_that_is_half_cleared_does_not_land_again(weather: Inbox) -> None:
    for name, content in PARTS.items():
        weather.deliver(content, name)
    weather.land()
    weather.withdraw(DAY)
    storage.remove(weather.inbox / "weather" / str(DAY) / "b.csv")
    assert "were withdrawn by" in refusal(weather, MissingInputError)


def test_hidden_files_and_markers_are_no_files_of_a_day(weather: Inbox) -> None:
    for name in ("_SUCCESS", ".w.csv.crc", "w.csv"):
        weather.deliver(ROWS if name == "w.csv" else b"", name)
    assert weather.land().files == 1
    assert weather.landed() == {"w.csv": ROWS}


def test_an_inbox_that_is_half_cleared_takes_no_rows_away(weather: Inbox) -> None:
    for name, content in PARTS.items():
        weather.deliver(content, name)
    weather.land()
    storage.remove(weather.inbox / "weather" / str(DAY) / "b.csv")
    assert weather.land() == Landing(feed="weather", days=1, files=3, rows=6, landed=0, partly_there=[str(DAY)])
    assert weather.landed() == PARTS
    assert weather.land(replace=True).landed == 1
    assert weather.landed() == {name: content for name, content in PARTS.items() if name != "b.csv"}


def test_fewer_and_other_files_than_landed_are_refused_unless_they_replace_them(weather: Inbox) -> None:
    for name, content in PARTS.items():
        weather.deliver(content, name)
    weather.land()
    for name in PARTS:
        storage.remove(weather.inbox / "weather" / str(DAY) / name)
    path = weather.deliver(ROWS * 2, "all.csv")
    what = f"{path.parent / '*'} matches 1 files, and 3 landed before, which were others"
    assert refusal(weather).startswith(f"{what}. Deliver all files, or land these with `headrace land --feed weather")
    assert weather.landed() == PARTS
    assert weather.land(replace=True).landed == 1
    assert weather.landed() == {"all.csv": ROWS * 2}


@pytest.mark.parametrize(
    ("header", "difference"),
    [
        (b"origin", "'temp' is missing"),
        (b"origin,temp,dewp", "'dewp' is not in the contract"),
        (b"origin,temperature", "'temp' is missing; 'temperature' is not in the contract"),
        (b"origin,temp_", "'temp' is missing (is it 'temp_'?); 'temp_' is not in the contract"),
    ],
)
def test_other_columns_than_agreed_are_spelled_out(weather: Inbox, header: bytes, difference: str) -> None:
    path = weather.deliver(header + b"\n1,2,3\n")
    hint = "Have it delivered as agreed, or change weather.yaml and land again"
    assert refusal(weather) == f"{path}: feed weather has other columns than weather.yaml: {difference}. {hint}"
    assert files(weather) == {}


def test_a_column_twice_is_refused(weather: Inbox) -> None:
    path = weather.deliver(b"origin,temp,temp\nEWR,1,2\n")
    assert refusal(weather) == f"{path}: columns temp appear twice. Ask the feed's owner for one of each"


def test_columns_may_come_in_another_order(weather: Inbox) -> None:
    weather.deliver(b"temp,origin\n39.0,EWR\n")
    assert weather.land().rows == 1


def test_a_feed_may_allow_columns_more_but_none_less(tmp_path: Path) -> None:
    weather = Inbox(tmp_path, replace(WEATHER, new_columns="allow"))
    weather.deliver(b"origin,temp,dewp\nEWR,1,2\n")
    assert weather.land().rows == 1
    record = read_record(weather.raw, "weather", DAY)
    assert record is not None
    assert record.files[0].columns == ("origin", "temp", "dewp")
    weather.deliver(b"origin,dewp\nEWR,2\n")
    assert "'temp' is missing" in refusal(weather)


def test_a_refused_correction_leaves_what_had_landed(weather: Inbox) -> None:
    weather.deliver(ROWS)
    weather.land()
    before = files(weather)
    weather.deliver(b"")
    refusal(weather)
    assert files(weather) == before


def test_days_before_a_bad_one_are_landed(weather: Inbox) -> None:
    weather.deliver(ROWS, day=dt.date(2013, 1, 1))
    weather.deliver(b"")
    with pytest.raises(BadInputError):
        weather.land("2013-01-01..2013-01-02")
    assert weather.landed(dt.date(2013, 1, 1)) == {"w.csv": ROWS}


def test_a_missing_day_that_is_late_fails_for_good(weather: Inbox) -> None:
    said = refusal(weather, MissingInputError)
    assert said == (
        f"feed weather has no files for 2013-01-02: nothing matches {weather.inbox}/weather/2013-01-02/*, "
        "and they were due by 2013-01-02 04:00 UTC. Ask the feed's owner for the day, or choose days that the feed has"
    )


@pytest.mark.parametrize("if_missing", ["fail", "continue"])
def test_a_missing_day_that_is_not_due_yet_can_be_tried_again(
    tmp_path: Path, if_missing: Literal["fail", "continue"]
) -> None:
    weather = Inbox(tmp_path, replace(WEATHER, if_missing=if_missing, after_days=1, zone="America/New_York"))
    said = refusal(weather, InputNotYetError, now=dt.datetime(2013, 1, 3, 8, 59, tzinfo=dt.UTC))
    assert said.endswith("They are due by 2013-01-03 04:00 EST")
    assert files(weather) == {}


def test_a_feed_may_go_on_without_a_day_and_take_it_when_it_comes(tmp_path: Path) -> None:
    weather = Inbox(tmp_path, replace(WEATHER, if_missing="continue"))
    assert weather.land().missing == [DAY]
    without = read_record(weather.raw, "weather", DAY)
    assert weather.land().landed == 0
    weather.deliver(ROWS)
    assert weather.land().landed == 1
    assert weather.landed() == {"w.csv": ROWS}
    assert without is not None
    assert without.publish_id != getattr(read_record(weather.raw, "weather", DAY), "publish_id", None)


def test_a_file_in_another_day_s_folder_is_no_file_of_this_day(weather: Inbox) -> None:
    weather.deliver(ROWS, day=dt.date(2013, 1, 3))
    assert "feed weather has no files for 2013-01-02" in refusal(weather, MissingInputError)


def test_days_before_the_feed_began_are_not_asked_for(weather: Inbox) -> None:
    weather.deliver(ROWS, day=dt.date(2013, 1, 1))
    assert weather.land("2012-12-30..2013-01-01") == Landing(feed="weather", days=1, files=1, rows=2, landed=1)


def test_a_reference_feed_is_one_set_that_a_newer_one_replaces(tmp_path: Path) -> None:
    stations = Inbox(tmp_path, STATIONS)
    stations.deliver(ROWS, day=None)
    assert stations.land("2013-01-01..2013-12-31").days == 1
    assert stations.land("2014-01-01").landed == 0
    stations.deliver(ROWS + b"LGA,1\n", day=None)
    assert stations.land().landed == 1
    assert stations.landed(None) == {"w.csv": ROWS + b"LGA,1\n"}


def test_a_reference_feed_without_files_is_missing(tmp_path: Path) -> None:
    stations = Inbox(tmp_path, STATIONS)
    looked = f"nothing matches {stations.inbox}/stations/*.csv"
    said = refusal(stations, MissingInputError)
    assert said == f"feed stations has no files: {looked}. Deliver them, then land again"


def test_a_day_that_fails_does_not_keep_later_days_from_landing(weather: Inbox) -> None:
    weather.deliver(b"", day=dt.date(2013, 1, 1))
    weather.deliver(ROWS, day=dt.date(2013, 1, 3))
    with pytest.raises(BadInputError) as failed:  # 2013-01-02 is missing; the first of the failures is told
        weather.land("2013-01-01..2013-01-03")
    assert "2 days of feed weather failed: 2013-01-01, 2013-01-02" in str(failed.value)
    assert weather.landed(dt.date(2013, 1, 3)) == {"w.csv": ROWS}


def test_days_that_no_feed_has_are_refused_and_nothing_is_landed(config: Config) -> None:
    context = StageContext(config, declare.load("flights"))
    with pytest.raises(MissingInputError) as refused:
        land_feeds(context, Land(days="2012-12-30..2012-12-31"))
    said = "no feed has 2012-12-30..2012-12-31: the first feed begins on 2013-01-01. Choose days from 2013-01-01 on"
    assert str(refused.value) == said
    assert not config.layout.raw.exists()


def test_a_feed_that_fails_does_not_keep_the_others_from_landing(tmp_path: Path) -> None:
    context = rush_lake.delivered(tmp_path)
    storage.write(lakes.delivered_file(context, "entries", rush_lake.day(2)), b"no gzip")
    with pytest.raises(BadInputError, match="entries"):
        lakes.land(context, rush_lake.OLD)
    assert set(landed(context.layout.raw, "stations")) == {None}
    assert set(landed(context.layout.raw, "entries")) == set(rush_lake.OLD) - {rush_lake.day(2)}

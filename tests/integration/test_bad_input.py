"""Bad input to real jobs: their exit codes and reasons, and that the lake does not change."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flights import source
from headrace.errors import BadInputError, MissingInputError
from headrace.landing.record import read_record
from headrace.stages.context import StageContext

from tests.support import lake_jobs, lakes

TABLES = ("flights.legs", "flights.outcomes", "flights.features")
DAY = lakes.day("01-05")


def without(column: str) -> lakes.Change:
    return lambda rows: [{name: cell for name, cell in row.items() if name != column} for row in rows]


def renamed(column: str, to: str) -> lakes.Change:
    return lambda rows: [{to if name == column else name: cell for name, cell in row.items()} for row in rows]


def with_column(column: str) -> lakes.Change:
    return lambda rows: [row | {column: "1"} for row in rows]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def only_a_header(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).split(b"\n")[0] + b"\n"))


FAULTS: dict[str, tuple[lakes.Change | None, Callable[[Path], None] | None, str]] = {
    "missing": (without("dest"), None, r"has other columns than contracts/schedule\.yaml: 'dest' is missing\."),
    "extra": (with_column("gate"), None, r"'gate' is not in the contract\."),
    "renamed": (renamed("tailnum", "tail_number"), None, r"'tailnum' is missing \(is it 'tail_number'\?\)"),
    "empty": (None, empty, r"schedule\.csv\.gz is empty\."),
    "header only": (None, only_a_header, r"schedule\.csv\.gz has a header and no rows\."),
    "truncated": (None, cut, r"schedule\.csv\.gz is truncated or corrupt"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_not_as_agreed_is_refused_and_the_lake_stays_as_it_was(
    built: StageContext, tmp_path: Path, fault: str
) -> None:
    context = lakes.copy_of(built, tmp_path)
    change, damage, reason = FAULTS[fault]
    if change:
        lakes.change(context, "schedule", DAY, change)
    if damage:
        damage(lakes.delivered_file(context, "schedule", DAY))
    before = read_record(context.layout.raw, "schedule", DAY)

    run = lake_jobs.submitted if fault == "truncated" else lake_jobs.ran
    ended = run(context, "land", "--days", str(DAY), "--feed", "schedule")

    assert ended.code == 65
    assert re.match(f"BadInputError: .*{reason}", ended.reason)
    assert ended.termination_message == ended.reason + "\n"
    assert read_record(context.layout.raw, "schedule", DAY) == before
    commits = lakes.commits(context, *TABLES)
    lakes.build(context, "flights.features", lakes.days("01-05"))
    assert lakes.commits(context, *TABLES) == commits


def test_a_truncated_archive_of_the_package_delivers_nothing(tmp_path: Path) -> None:
    for file in ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv"):
        (tmp_path / file).write_bytes((source.packaged() / file).read_bytes())
    cut(tmp_path / "flights.csv.zip")
    with pytest.raises(BadInputError, match=r"flights\.csv\.zip is truncated or corrupt") as raised:
        source.deliver(tmp_path / "inbox", tmp_path)
    assert raised.value.exit_code == 65
    assert not (tmp_path / "inbox").exists()


def test_an_archive_whose_member_is_damaged_delivers_nothing(tmp_path: Path) -> None:
    """The list of members at the end of the archive is intact; the content of a member is not."""
    path = tmp_path / "flights.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flights.csv", "".join(f"2013,1,1,{n}\n" for n in range(5000)))
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"flights\.csv\.zip is truncated or corrupt"):
        source.deliver(tmp_path / "inbox", tmp_path)
    assert not (tmp_path / "inbox").exists()


@pytest.mark.slow
def test_a_day_that_no_feed_has_cannot_be_landed_and_its_build_may_be_tried_again(
    landed: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(landed, tmp_path)
    ended = lake_jobs.ran(context, "land", "--days", "2014-01-01")
    assert ended.code == 65
    assert ended.reason.startswith("MissingInputError: feed schedule has no files for 2014-01-01: nothing matches ")
    assert "they were due by 2014-01-01 00:00 EST" in ended.reason
    assert read_record(context.layout.raw, "schedule", lakes.day("01-01").replace(year=2014)) is None

    ended = lake_jobs.ran(context, "build", "flights.features", "--days", "2014-01-01")
    assert ended.code == 75
    assert ended.reason.startswith("MissingLookBackError: flights.legs looks back on days that are missing: schedule")
    assert ended.termination_message == ended.reason + "\n"
    assert lakes.commits(context, *TABLES) == dict.fromkeys(TABLES, 0)


def test_a_day_before_the_first_of_its_feeds_cannot_be_built(landed: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(landed, tmp_path)
    eve = lakes.DayRange.parse("2012-12-31")
    with pytest.raises(MissingInputError, match=r"flights\.features begins on 2013-01-01"):
        lakes.build(context, "flights.features", eve)


@pytest.mark.slow
def test_an_unknown_table_is_refused_with_the_nearest_right_word(landed: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(landed, tmp_path)
    ended = lake_jobs.ran(context, "build", "flights.leg", "--days", "2013-01-01")
    assert (ended.code, ended.reason) == (
        65,
        "UnknownNameError: no table is called 'flights.leg'. Did you mean 'flights.legs'?",
    )
    assert lakes.commits(context, *TABLES) == dict.fromkeys(TABLES, 0)


@pytest.mark.slow
def test_an_unknown_key_in_the_configuration_is_refused_with_file_line_and_nearest_word(
    landed: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(landed, tmp_path)
    lake_jobs.spark_submit(context, "build")  # writes the configuration
    with (tmp_path / "conf" / "local.yaml").open("a") as file:
        file.write("trainning:\n  ranks: 2\n")
    line = len((tmp_path / "conf" / "local.yaml").read_text().splitlines()) - 1
    ended = lake_jobs.ran(context, "build", "flights.legs", "--days", "2013-01-01")
    assert ended.code == 65
    assert ended.reason == (
        f"ConfigError: {tmp_path}/conf/local.yaml:{line}: unknown key 'trainning'. Did you mean 'training'?"
    )
    assert lakes.commits(context, *TABLES) == dict.fromkeys(TABLES, 0)


@pytest.mark.slow
def test_a_refused_batch_ends_its_job_with_an_example_of_what_is_wrong(built: StageContext, tmp_path: Path) -> None:
    context = lakes.copy_of(built, tmp_path)
    lakes.change(context, "actuals", DAY, lambda rows: [*rows, rows[0]])
    lakes.land(context, lakes.days("01-05"), "actuals")
    before = lakes.rows_of(context, "flights.outcomes")
    ended = lake_jobs.submitted(context, "build", "flights.outcomes", "--days", str(DAY))
    assert ended.code == 65
    assert re.match(
        r"BatchRefusedError: flights\.outcomes is refused: rows share the key "
        r"\(flight_date, carrier, flight, origin\): 2013-01-05, \w\w, \d+, \w{3} \(2 rows\), on 2013-01-05\. "
        r"These days were not published",
        ended.reason,
    )
    assert ended.termination_message == ended.reason + "\n"
    assert lakes.rows_of(context, "flights.outcomes") == before

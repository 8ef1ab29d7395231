"""A build in chunks publishes what a build in one piece does, goes on where it was interrupted, and leaves nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from headrace.lake import table as lake_table
from headrace.lake.table import Lake
from headrace.stages import build_range, chunks
from headrace.stages.context import StageContext

from tests.support import lakes, rush_lake
from tests.support.rush_lake import ALL, TABLES, VISITS, day, days
from tests.support.same_lake import assert_same, assert_same_rows

pytestmark = pytest.mark.slow


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The five days of visits, each of six rows, make two chunks."""
    monkeypatch.setattr(chunks, "MEGABYTE", 3)


@pytest.fixture
def context(behind: StageContext, tmp_path: Path) -> Iterator[StageContext]:
    """Nothing is built. After the test nothing is staged."""
    fresh = rush_lake.fresh_root(behind, tmp_path / "root")
    lakes.land(fresh, ALL)
    yield lakes.again(fresh)
    assert [*lakes.on_disk(fresh.layout.staging).glob("*")] == []


def before_commit(monkeypatch: pytest.MonkeyPatch, number: int, do: Callable[[], object]) -> None:
    """Do something before the n-th commit from now on."""
    original, left = lake_table.publish, [number]

    def publish(*arguments: object, **named: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            do()
        original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(lake_table, "publish", publish)


def interrupted() -> None:
    raise KeyboardInterrupt


def test_chunks_publish_the_rows_and_ids_of_a_build_in_one_piece(
    context: StageContext, clean: StageContext, small_chunks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    lakes.build(context, rush_lake.FEATURES, ALL)
    assert lakes.commits(context, *TABLES) == {VISITS: 2, rush_lake.TOTALS: 1, rush_lake.FEATURES: 1}
    assert f"{VISITS:<20} chunk 1 of 2, about " in capsys.readouterr().out
    assert_same(context, clean)


def test_an_interrupted_build_goes_on_with_the_next_chunk(
    context: StageContext, clean: StageContext, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        before_commit(once, 2, interrupted)
        with pytest.raises(KeyboardInterrupt):
            lakes.build(context, VISITS, ALL)
    again = lakes.again(context)
    assert [*lakes.ids_of(again, VISITS)] == [*days(1, 3)]
    assert lakes.build(again, VISITS, ALL).builds[VISITS].built == (str(days(4, 5)),)
    found, wanted = (lakes.rows_of(lake, VISITS, key=("day", "station", "hour")) for lake in (again, clean))
    assert_same_rows(found, wanted, VISITS)


def test_a_lost_commit_is_written_again_without_computing_the_rows(
    context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The raw files are gone by then. So a transform that ran again would fail."""
    lakes.build(context, VISITS, days(1))
    rival = lakes.again(context)

    def lose() -> None:
        assert lakes.build(rival, VISITS, days(5)).builds[VISITS].built == ("2026-01-05",)
        shutil.rmtree(lakes.on_disk(context.layout.raw) / "entries")

    before_commit(monkeypatch, 1, lose)
    lakes.build(lakes.again(context), VISITS, days(2, 4))
    published = Lake(context.layout.tables).table(VISITS, day="day")
    assert [*published.publications] == [*ALL]
    assert {row["day"] for row in lakes.rows_of(context, VISITS, key=("day", "station", "hour"))} == {*ALL}


def test_a_failing_build_leaves_nothing_staged(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(build_range, "check_unchanged", full)
    with pytest.raises(OSError, match="no room"):
        lakes.build(context, VISITS, days(1))
    assert day(1) not in Lake(context.layout.tables).table(VISITS, day="day").publications

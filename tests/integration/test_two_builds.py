"""Two builds of one day, and a correction that lands during a build: the newest input always stands in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.stages import build_range
from headrace.stages.build import BuildResult
from headrace.stages.build_plan import stale_days
from headrace.stages.context import StageContext

from tests.support import lakes, rush_lake
from tests.support.rush_lake import ALL, CORRECTED, TOTALS, VISITS
from tests.support.same_lake import assert_same

pytestmark = [pytest.mark.slow, pytest.mark.fault]
D = DayRange(CORRECTED, CORRECTED)
WITHIN_SECONDS = 300.0


def land_older(context: StageContext) -> None:
    """Land an older correction of the day than the delivered one; another row of it is bad."""
    first, second, third, *others = rush_lake.rows_of(CORRECTED)
    rush_lake.deliver(context, CORRECTED, [first | {"people": 777}, second, third | {"people": -3}, *others])
    lakes.land(context, D, "entries")


def land_newest(context: StageContext) -> None:
    """Land what the lake in the end must be made from."""
    rush_lake.deliver_more(context)
    lakes.land(context, ALL, "entries")


def before_publishing(monkeypatch: pytest.MonkeyPatch, *hooks: Callable[[], object]) -> None:
    """Call one hook in each of the next builds, after they have planned and read, and before they publish."""
    original, waiting = build_range.staged, list(hooks)

    def staged(*arguments: object) -> object:
        batch = original(*arguments)  # type: ignore[arg-type]
        if waiting:
            waiting.pop(0)()
        return batch

    monkeypatch.setattr(build_range, "staged", staged)


def people(context: StageContext) -> set[int]:
    return {row["people"] for row in lakes.rows_of(context, VISITS, D, key=("day", "station", "hour"))}


class OlderBuild:
    """A build in a thread that has planned, and waits before it publishes."""

    def __init__(self, context: StageContext) -> None:
        self.done: list[BuildResult] = []
        self.planned, self._go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=[context], daemon=True)

    def _run(self, context: StageContext) -> None:
        self.done.append(lakes.build(context, VISITS, D))

    def start(self) -> None:
        """Return once it has planned; its thread calls ``wait`` before it publishes."""
        self._thread.start()
        assert self.planned.wait(WITHIN_SECONDS)

    def wait(self) -> None:
        self.planned.set()
        assert self._go_on.wait(WITHIN_SECONDS)

    def publish(self) -> None:
        self._go_on.set()
        self._thread.join(WITHIN_SECONDS)


@pytest.mark.parametrize("older_publishes", ["first", "last"])
def test_the_newest_input_stands_whichever_of_two_builds_of_a_day_publishes_first(
    behind: StageContext,
    clean: StageContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    older_publishes: str,
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    land_older(context)
    older = OlderBuild(context)
    in_the_newer = [older.publish] if older_publishes == "first" else []  # the newer build has planned by then
    before_publishing(monkeypatch, older.wait, *in_the_newer)
    older.start()
    land_newest(context)
    lakes.build(lakes.again(context), VISITS, D)
    older.publish()
    [result] = older.done
    assert result.builds[VISITS].built == ((str(D),) if older_publishes == "first" else ())  # it planned again
    assert 91 in people(context)
    assert 777 not in people(context)
    rush_lake.recover(context)
    assert_same(context, clean)


def test_a_correction_that_lands_during_a_build_makes_the_day_stale_and_mixes_no_rows(
    behind: StageContext, clean: StageContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = lakes.copy_of(behind, tmp_path)
    land_older(context)
    before_publishing(monkeypatch, lambda: land_newest(context))
    lakes.build(context, VISITS, D)
    assert 777 in people(context)
    assert 91 not in people(context)
    assert stale_days(lakes.again(context), context.use_case.table(VISITS)) == [D]
    rush_lake.recover(context)
    assert_same(context, clean)


def test_rows_come_from_the_version_of_the_source_whose_id_is_recorded(
    behind: StageContext, clean: StageContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream table gets a newer version while a build of the table that reads it is under way."""
    context = lakes.copy_of(behind, tmp_path)
    land_older(context)
    lakes.build(context, VISITS, D)

    def change_upstream() -> None:
        land_newest(context)
        lakes.build(lakes.again(context), VISITS, D)

    before_publishing(monkeypatch, change_upstream)
    lakes.build(lakes.again(context), TOTALS, D)
    total = 777 + rush_lake.rows_of(CORRECTED)[1]["people"]
    assert total in {row["people"] for row in lakes.rows_of(context, TOTALS, D, key=("day", "station"))}
    assert D.first in {day for some in stale_days(lakes.again(context), context.use_case.table(TOTALS)) for day in some}
    rush_lake.recover(context)
    assert_same(context, clean)

"""What maintenance removes by age, and what it never removes: what a version pins, and what stands."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from headrace import config as configuration
from headrace import declare
from headrace.commands import Maintain
from headrace.config import Config, Retention
from headrace.errors import ArtefactError, ConfigError, UnfinishedError, WriteConflictError
from headrace.lake.table import LakeTable
from headrace.landing.delivered import Delivered
from headrace.landing.entry import Restatement
from headrace.landing.log import Log
from headrace.landing.record import Record, folder
from headrace.landing.state import State
from headrace.layout import Layout
from headrace.ledger.record import runs
from headrace.registry import promotions, verdicts
from headrace.registry.versions import Version, register
from headrace.stages.context import StageContext
from headrace.stages.maintain import MaintainResult
from headrace.stages.retention import KINDS
from headrace.stages.runner import run_stage
from headrace.storage import Place

from tests.support import PROJECT

NOW = dt.datetime.now(dt.UTC)
RESTATED = Restatement(by="ann", reason="in Fahrenheit")


@pytest.fixture
def context(config: Config) -> StageContext:
    return StageContext(config, declare.load("flights"))


@pytest.fixture
def layout(context: StageContext) -> Layout:
    return context.layout


def written(path: Place, days_ago: float) -> Path:
    """A file with some content that was last written so many days ago, as were its folders."""
    assert isinstance(path, Path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    age(path, days_ago)
    return path


def age(path: Path, days_ago: float) -> None:
    then = NOW.timestamp() - days_ago * 86400
    for aged in (path, path.parent):
        os.utime(aged, (then, then))


def training(layout: Layout, training_id: str, days_ago: float = 100) -> Path:
    """A training whose shards were written so many days ago."""
    shards = written(layout.training(training_id).shards / "shards.json", days_ago)
    age(shards.parent, days_ago)
    return shards


def version(layout: Layout, model: str, training_id: str, trained: Path) -> Version:
    return register(layout.models, model, trained, {"training_id": training_id})


def judged(version: Version, passed: bool) -> None:
    verdicts.record_verdict(version, {}, passed=passed, sentence="so be it", champion=None)


def maintain(context: StageContext) -> MaintainResult:
    return run_stage(context, Maintain())  # type: ignore[return-value]


def left(paths: Iterable[Path]) -> list[bool]:
    return [path.exists() for path in paths]


def test_shards_of_a_registered_version_stay_whatever_the_use_case_declares(
    context: StageContext, layout: Layout, trained: Path
) -> None:
    version(layout, "flights.late15", "declared", trained)
    version(layout, "flights.renamed", "renamed", trained)
    version(layout, "sales.late", "other", trained)
    kept = [training(layout, name) for name in ("declared", "renamed", "other")]
    leftover = training(layout, "leftover")
    done = maintain(context)
    assert (left(kept), leftover.exists()) == ([True, True, True], False)
    assert done.removed == {"trainings without a version": 1}


def test_a_training_that_has_written_lately_stays(context: StageContext, layout: Layout) -> None:
    shards = training(layout, "running")
    written(layout.training("running").network / "epochs.jsonl", days_ago=0)
    age(layout.training("running").folder / "shards", days_ago=100)  # its folder's own time does not count alone
    maintain(context)
    assert shards.exists()


def test_of_refused_versions_the_training_is_removed_and_the_version_stays(
    context: StageContext, layout: Layout, trained: Path
) -> None:
    names = ("refused", "passed", "unjudged", "lately")
    versions = {name: version(layout, "sales.late", name, trained) for name in names}
    shards = {name: training(layout, name, days_ago=100 if name != "lately" else 50) for name in names}
    for name in ("refused", "passed", "lately"):
        judged(versions[name], passed=name == "passed")
    maintain(context)
    assert [name for name, path in shards.items() if path.exists()] == ["passed", "unjudged", "lately"]
    assert versions["refused"].path.is_dir()


def test_a_former_champion_that_the_gate_refuses_later_keeps_its_training(
    context: StageContext, layout: Layout, trained: Path
) -> None:
    champion = version(layout, "sales.late", "champion", trained)
    judged(champion, passed=True)
    promotions.promote(layout.models, "sales.late", champion.number, reason="test")
    verdicts.record_verdict(champion, {"again": 1}, passed=False, sentence="refused now", champion=champion)
    shards = training(layout, "champion")
    maintain(context)
    assert shards.exists()


def test_a_damaged_registry_ends_maintenance_with_its_error_and_no_training_is_removed(
    context: StageContext, layout: Layout, trained: Path
) -> None:
    damaged = version(layout, "sales.late", "kept", trained)
    (Path(str(damaged.path)) / "version.json").write_text("{}")
    shards, row = training(layout, "kept"), written(layout.ledger / "old.json", 500)
    with pytest.raises(ArtefactError, match="It was changed after it was registered"):
        maintain(context)
    assert (shards.exists(), row.exists()) == (True, False)
    (run,) = runs(layout.ledger)
    assert run.facts["removed"] == {"rows of the ledger": 1}


@pytest.mark.parametrize(("restated", "left"), [(None, ["first.csv", "second.csv"]), (RESTATED, ["second.csv"])])
def test_files_before_a_correction_stay_and_files_before_a_restatement_go(
    context: StageContext, layout: Layout, restated: Restatement | None, left: list[str]
) -> None:
    day, log, state = dt.date(2026, 1, 1), Log(layout.raw, "orders"), State()
    for name, age in (("first.csv", 400), ("second.csv", 100)):
        written(folder(layout.raw, "orders", day) / name, age)
        delivered = Delivered(name="o.csv", bytes=1, sha256=name * 8, rows=1, columns=("a",), stored=name)
        at = NOW - dt.timedelta(days=age)
        record = Record(feed="orders", day=day, landed_at=at, source="x", files=(delivered,), restated=restated)
        state = log.append(state, (record,))
    maintain(context)
    assert sorted(path.name for path in folder(layout.raw, "orders", day).glob("*.csv")) == left


def test_raw_files_that_no_delivery_names_go_only_long_after_the_newest_landing(
    context: StageContext, layout: Layout
) -> None:
    days = {dt.date(2026, 1, 1): 100, dt.date(2026, 1, 2): 10}  # the correction's age in days
    log, state = Log(layout.raw, "orders"), State()
    for day, corrected in days.items():
        place = folder(layout.raw, "orders", day)
        for name, landed in (("first.csv", 400), ("second.csv", corrected)):
            written(place / name, landed)
        delivered = Delivered(name="o.csv", bytes=1, sha256="a" * 64, rows=1, columns=("a",), stored="second.csv")
        at = NOW - dt.timedelta(days=corrected)
        record = Record(feed="orders", day=day, landed_at=at, source="x", files=(delivered,))
        state = log.append(state, (record,))
    unrecorded = written(folder(layout.raw, "orders", dt.date(2026, 1, 3)) / "being-landed.csv", 400)
    maintain(context)
    names = sorted(p.relative_to(Path(str(layout.raw))).as_posix() for p in layout.raw.rglob("*.csv"))
    assert names == [
        "orders/2026-01-01/second.csv", "orders/2026-01-02/first.csv", "orders/2026-01-02/second.csv",
        "orders/2026-01-03/being-landed.csv",
    ]  # fmt: skip
    assert unrecorded.exists()


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("ledger/20250101T000000000000-build-N.json", 400),
        ("spark-events/eventlog_v2_app-N/events_1_app-N", 30),
        ("spark-events/app-N", 30),
        ("results/application-N.jsonl", 7),
        ("alerts/0123456789abcdef-00000N", 30),
        ("data_docs/site/2026-01-0N/102345-sales.orders-failed-1f2e3d4c.html", 90),
        ("data_docs/gx/validationsN/orders.json", 90),
        ("models/sales.late/versions/.000N-crashed/model.keras", 7),
        ("raw/orders/2026-01-01/.a.csv.partialN", 7),
    ],
)
def test_a_file_is_removed_once_it_is_older_than_its_kind_is_kept(
    name: str, days: int, context: StageContext, layout: Layout
) -> None:
    young, old = (written(layout.root / name.replace("N", n), days + more) for n, more in (("1", -1), ("2", 1)))
    age(young, days - 1)
    maintain(context)
    assert left((young, old)) == [True, False]


def test_the_first_page_of_the_data_docs_lists_the_days_that_are_left(context: StageContext, layout: Layout) -> None:
    for day, days_ago in (("2026-01-01", 100), ("2026-01-02", 10)):
        page = written(layout.data_docs_page.parent / day / "102345-sales.orders-passed-1f2e3d4c.html", days_ago)
        age(page.parent / page.name, days_ago)
    written(layout.data_docs_page, 100)
    maintain(context)
    listed = layout.data_docs_page.read_text()
    assert ["2026-01-01/" in listed, "2026-01-02/" in listed] == [False, True]


def test_null_keeps_a_kind_for_ever(context: StageContext, layout: Layout) -> None:
    row, mark = written(layout.ledger / "a.json", 9999), written(layout.alerts / "a-000001", 9999)
    for_ever = context.config.model_copy(update={"retention": Retention(ledger=None)})
    maintain(StageContext(for_ever, context.use_case))
    assert left((row, mark)) == [True, False]


def test_each_kind_has_its_days_in_the_configuration(config: Config) -> None:
    assert {kind.field for kind in KINDS} == set(Retention.model_fields)
    assert config.retention == Retention()  # what conf/base.yaml says is what the code says
    assert configuration.load("staging", PROJECT / "conf").retention == Retention()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("retention: {ledger: 0}", "greater than or equal to 1"),
        ("retention: {ledgers: 3}", "Did you mean 'ledger'"),
        ("retention: {alerts: 1}\nalerts: {quiet_minutes: 2000}", "are less than alerts.quiet_minutes"),
    ],
)
def test_a_wrong_retention_is_refused(wrong: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(f"use_case: flights\n{wrong}\n")
    (tmp_path / "local.yaml").write_text("environment: local\nroot: r\ninbox: i\n")
    with pytest.raises(ConfigError, match=why):
        configuration.load("local", tmp_path)


@pytest.mark.parametrize(("conflicts", "ends"), [(1, "done"), (2, "left")])
def test_a_table_that_another_writer_is_busy_with_is_tried_again_and_stops_no_other(
    conflicts: int, ends: str, context: StageContext, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LakeTable, "exists", lambda table: table.name in ("flights.legs", "flights.outcomes"))
    monkeypatch.setattr(StageContext, "spark", None)
    monkeypatch.setattr(LakeTable, "vacuum", lambda *_: None)
    tried: list[str] = []

    def compact(table: LakeTable, _: object) -> int:
        tried.append(table.name)
        if table.name == "flights.legs" and tried.count(table.name) <= conflicts:
            raise WriteConflictError("flights.legs was changed by another writer", "Try again")
        return 0

    monkeypatch.setattr(LakeTable, "compact", compact)
    row = written(layout.ledger / "old.json", 500)
    if ends == "done":
        assert maintain(context).maintained == ("flights.legs", "flights.outcomes")
    else:
        with pytest.raises(UnfinishedError, match=r"maintenance left flights\.legs for later") as raised:
            maintain(context)
        assert raised.value.exit_code == 75
    assert tried == ["flights.legs", "flights.outcomes", "flights.legs"]
    assert not row.exists()

"""Each run of a stage leaves a row with what it used, however it ends."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest
from headrace.commands import Build, Land, Score, Train
from headrace.errors import BadInputError
from headrace.ledger.record import StageRun, recorded, runs
from headrace.ledger.usage import watched
from headrace.outcome import Published, Result, read_results

DAY = "2026-01-31"


class LandedFiles(Result):
    """A result with a field of its own."""

    files: int = 0


def test_a_run_leaves_its_seconds_memory_and_facts(tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    published = {"sales.orders": Published(rows=987, quarantined=3)}
    with recorded(tmp_path, Build("sales.orders", DAY)) as entry:
        entry.result = Result(stage="build", of="sales.orders", days=DAY, rows=987, tables=published)
        time.sleep(0.05)
    (run,) = runs(tmp_path)
    assert (run.stage, run.of, run.days, run.outcome) == ("build", "sales.orders", DAY, "done")
    assert run.facts == {"rows": 987, "tables": {"sales.orders": {"rows": 987, "quarantined": 3}}}
    assert 0.05 <= run.seconds < 5
    assert before <= run.started_at <= dt.datetime.now(dt.UTC)
    assert run.peak_bytes > 10_000_000


def test_a_run_that_fails_leaves_its_reason_and_what_it_had_found(tmp_path: Path) -> None:
    def broken() -> None:
        with recorded(tmp_path, Land(DAY, feeds=("orders",))) as entry:
            entry.result = LandedFiles(stage="land", files=1)
            raise BadInputError("o.csv is empty", "Deliver it again")

    with pytest.raises(BadInputError):
        broken()
    (run,) = runs(tmp_path)
    assert (run.stage, run.of, run.outcome, run.completed) == ("land", "orders", "failed", False)
    assert run.facts == {"files": 1, "error": "BadInputError: o.csv is empty. Deliver it again"}


def test_an_interrupted_run_is_not_a_completed_one(tmp_path: Path) -> None:
    def interrupted() -> None:
        with recorded(tmp_path, Train("sales.late", DAY)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [run.outcome for run in runs(tmp_path)] == ["failed"]


def test_runs_are_listed_oldest_first_without_half_written_ones(tmp_path: Path) -> None:
    for command in (Land(DAY), Build("sales.orders", DAY), Score("sales.late", DAY)):
        with recorded(tmp_path, command):
            pass
    (tmp_path / ".abc.123.partial").write_text('{"id": "abc')
    assert [(run.stage, run.of) for run in runs(tmp_path)] == [
        ("land", "all"), ("build", "sales.orders"), ("score", "sales.late"),
    ]  # fmt: skip
    assert all(StageRun.model_validate_json(p.read_text()).stage in p.name for p in tmp_path.glob("*.json"))


def test_a_ledger_without_runs_is_empty(tmp_path: Path) -> None:
    assert runs(tmp_path / "nothing") == []


def test_the_peak_stays_after_memory_was_freed() -> None:
    with watched() as used:
        began = used().total
        block = bytearray(200 * 2**20)  # zeroed pages count once they are touched
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(1.2)  # two samples
        del block
        assert used().total - began > 150 * 2**20


def test_a_run_says_which_size_and_image_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SIZE", '{"executors": 2}')
    monkeypatch.setenv("HEADRACE_IMAGE_ID", "sha256:12ab")
    with recorded(tmp_path, Land(DAY)):
        pass
    (run,) = runs(tmp_path)
    assert (run.size, run.image) == ({"executors": 2}, "sha256:12ab")


def test_a_row_of_a_newer_release_is_read_without_what_is_new(tmp_path: Path) -> None:
    with recorded(tmp_path, Land(DAY)) as entry:
        entry.result = Result(stage="land", rows=3)
    [file] = tmp_path.glob("*.json")
    row = json.loads(file.read_text())
    file.write_text(json.dumps(row | {"energy_joules": 7, "containers": {"driver": {"gpu_seconds": 1}}}))
    (run,) = runs(tmp_path)
    assert (run.stage, run.completed, run.facts) == ("land", True, {"rows": 3})
    assert run.containers["driver"].cpu_seconds == 0


def test_what_a_newer_image_hands_on_is_read_without_what_is_new(tmp_path: Path) -> None:
    handed_on = {"stage": "build", "rows": 3, "carbon": 1, "tables": {"a.b": {"rows": 3, "files": 1}}}
    (tmp_path / "results").write_text(json.dumps(handed_on) + "\n")
    assert read_results(tmp_path / "results") == [Result(stage="build", rows=3, tables={"a.b": Published(rows=3)})]


def test_a_row_from_before_containers_were_recorded_is_still_read(tmp_path: Path) -> None:
    with recorded(tmp_path, Land(DAY)):
        pass
    (path,) = tmp_path.glob("*.json")
    old = ("id", "stage", "of", "days", "started_at", "seconds", "peak_bytes", "outcome", "facts")
    row = {name: value for name, value in json.loads(path.read_text()).items() if name in old}
    path.write_text(json.dumps(row))
    (run,) = runs(tmp_path)
    assert run == StageRun(**row)
    assert run.containers == {}

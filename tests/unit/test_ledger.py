"""Each run leaves a row with what it took, however it ends."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest
from headrace.errors import BadInputError
from headrace.ledger.record import Run, recorded, runs
from headrace.ledger.usage import watched


def test_a_run_leaves_its_seconds_memory_and_facts(tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    with recorded(tmp_path, "build", "flights.legs", "2013-12-01") as entry:
        entry.facts["rows"] = 987
        time.sleep(0.05)
    (run,) = runs(tmp_path)
    assert (run.stage, run.of, run.days, run.outcome) == ("build", "flights.legs", "2013-12-01", "done")
    assert run.facts == {"rows": 987}
    assert 0.05 <= run.seconds < 5
    assert before <= run.started_at <= dt.datetime.now(dt.UTC)
    assert run.peak_bytes > 10_000_000


def test_a_run_that_fails_leaves_its_reason_and_what_it_had_found(tmp_path: Path) -> None:
    def broken() -> None:
        with recorded(tmp_path, "land", "weather", "2013-12-01") as entry:
            entry.facts["files"] = 1
            raise BadInputError("w.csv is empty", "Deliver it again")

    with pytest.raises(BadInputError):
        broken()
    (run,) = runs(tmp_path)
    assert run.outcome == "failed"
    assert run.facts == {"files": 1, "error": "BadInputError: w.csv is empty. Deliver it again"}


def test_an_interrupted_run_is_no_finished_one(tmp_path: Path) -> None:
    def interrupted() -> None:
        with recorded(tmp_path, "train", "flights.late15", "2013-12-01"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [run.outcome for run in runs(tmp_path)] == ["failed"]


def test_runs_are_told_oldest_first_and_a_half_written_one_is_none(tmp_path: Path) -> None:
    for stage in ("land", "build", "score"):
        with recorded(tmp_path, stage, "x", "2013-12-01"):
            pass
    (tmp_path / ".abc.123.partial").write_text('{"id": "abc')
    assert [run.stage for run in runs(tmp_path)] == ["land", "build", "score"]
    assert all(Run.model_validate_json(p.read_text()).stage in p.name for p in tmp_path.glob("*.json"))


def test_a_ledger_without_runs_is_empty(tmp_path: Path) -> None:
    assert runs(tmp_path / "nothing") == []


def test_the_peak_stays_after_memory_was_given_back() -> None:
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
    with recorded(tmp_path, "land", "x", "2013-12-01"):
        pass
    (run,) = runs(tmp_path)
    assert (run.size, run.image) == ({"executors": 2}, "sha256:12ab")


def test_a_row_of_before_the_containers_were_told_is_still_read(tmp_path: Path) -> None:
    with recorded(tmp_path, "land", "x", "2013-12-01"):
        pass
    (path,) = tmp_path.glob("*.json")
    old = ("id", "stage", "of", "days", "started_at", "seconds", "peak_bytes", "outcome", "facts")
    row = {name: value for name, value in json.loads(path.read_text()).items() if name in old}
    path.write_text(json.dumps(row))
    (run,) = runs(tmp_path)
    assert run == Run(**row)
    assert run.containers == {}

"""What a person and a job's starter see of an environment in S3."""

from __future__ import annotations

import pytest
from headrace import config as configuration
from headrace import submit
from headrace.cli.doctor import bucket as bucket_answers
from headrace.cli.doctor import room
from headrace.errors import StorageRefusedError
from headrace.result import VARIABLE, Result, tell, told
from headrace.storage import S3Path
from server import PROJECT


def test_results_told_to_an_object_are_read_in_their_order(folder: S3Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{folder}/results/run-1")
    assert told(folder / "results" / "run-1") == []
    results = [Result(stage="land", of="flights", rows=7), Result(stage="build", of="flights.legs", rows=6)]
    for result in results:
        tell(result)
    assert told(folder / "results" / "run-1") == results


def test_doctor_looks_whether_the_bucket_answers_and_not_at_the_disk(folder: S3Path) -> None:
    assert room(folder).startswith(f"{folder.bucket} answers in ")
    with pytest.raises(StorageRefusedError, match="no-such-bucket-here"):
        bucket_answers(S3Path("no-such-bucket-here"))


def test_a_root_in_s3_goes_to_the_job_as_it_was_given(folder: S3Path) -> None:
    config = configuration.load("local", PROJECT / "conf", root=str(folder))
    assert config.tables == folder / "lake"
    assert submit.where("local", None, str(folder)) == ["--env", "local", "--root", str(folder)]
    assert configuration.home() / config.root == folder

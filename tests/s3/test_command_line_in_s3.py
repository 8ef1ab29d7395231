"""What a person, and the process that starts a job, see of an environment in S3."""

from __future__ import annotations

import pytest
from headrace import config as configuration
from headrace import variables
from headrace.cli.doctor import bucket as bucket_answers
from headrace.cli.doctor import room
from headrace.config import ConfigSource
from headrace.errors import StorageRefusedError
from headrace.outcome import Result, read_results, write_result
from headrace.storage import S3Path

from tests.support import PROJECT


def test_results_written_to_an_object_are_read_in_their_order(folder: S3Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variables.RESULT, f"{folder}/results/run-1")
    assert read_results(folder / "results" / "run-1") == []
    results = [Result(stage="land", of="flights", rows=7), Result(stage="build", of="flights.legs", rows=6)]
    for result in results:
        write_result(result)
    assert read_results(folder / "results" / "run-1") == results


def test_doctor_looks_whether_the_bucket_answers_and_not_at_the_disk(folder: S3Path) -> None:
    assert room(folder).startswith(f"{folder.bucket} answers in ")
    with pytest.raises(StorageRefusedError, match="no-such-bucket-here"):
        bucket_answers(S3Path("no-such-bucket-here"))


def test_a_root_in_s3_goes_to_the_job_as_it_was_given(folder: S3Path) -> None:
    config = configuration.load("local", PROJECT / "conf", root=str(folder))
    assert config.layout.tables == folder / "lake"
    source = ConfigSource("local", None, str(folder))
    assert source.to_argv() == ["--env", "local", "--root", str(folder)]
    assert ConfigSource.from_argv(source.to_argv()) == (source, [])
    assert configuration.home() / config.root == folder

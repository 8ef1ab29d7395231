"""How a job ends: its exit code says whether to try again, its last line why; Kubernetes can read it too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOB = """\
import sys
import typer
from headrace import errors
from headrace.stages import job

def main(days: str) -> None:
    print("working")
    {body}

job.end(lambda: typer.run(main))
"""


def run(body: str, *arguments: str, log: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a job whose main function has this body, with one day as its argument unless others are given."""
    environment = {**os.environ, "HEADRACE_TERMINATION_LOG": str(log)} if log else dict(os.environ)
    return subprocess.run(
        [sys.executable, "-c", JOB.format(body=body), *(arguments or ("2013-12-01",))],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def last(text: str) -> str:
    return text.splitlines()[-1]


def test_a_job_that_is_done_ends_with_0_and_says_nothing_on_stderr(tmp_path: Path) -> None:
    ended = run("pass", log=tmp_path / "log")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "working\n", "")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [("MissingInputError", 65), ("GateRefusedError", 65), ("RankLostError", 75), ("InputNotYetError", 75)],
)
def test_an_error_of_ours_ends_with_its_code_and_its_reason_in_one_line(error: str, code: int, tmp_path: Path) -> None:
    ended = run(f"raise errors.{error}('no file\\n for the day', 'Ask for it.')", log=tmp_path / "log")
    assert ended.returncode == code
    assert ended.stderr == f"{error}: no file for the day. Ask for it\n"
    assert (tmp_path / "log").read_text() == ended.stderr


def test_a_fault_ends_with_65_its_trace_and_then_its_reason() -> None:
    ended = run("{}['flight']")
    assert ended.returncode == 65
    assert "Traceback" in ended.stderr
    assert last(ended.stderr) == "KeyError: 'flight'"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # as Spark's client, delta-rs, and Spark for an error of a Python worker put it
        (": java.net.ConnectException: getFileStatus on s3a://b/x: software.amazon.awssdk.core.exception."
         "SdkClientException: Unable to execute HTTP request: Connect to s3:443 failed: Connection refused", 75),
        ("Caused by: org.apache.hadoop.fs.s3a.AWSServiceThrottledException: PUT on s3a://b/x: Slow Down", 75),
        ("Kernel error -> Generic S3 error\n\x1b[31m↳\x1b[0m Error performing GET s3/b in 9s\n - HTTP error", 75),
        ("PythonException: Traceback\nheadrace.errors.StorageError: s3://b/x cannot be reached: no. Try again", 75),
        (": java.nio.file.AccessDeniedException: s3a://b/x: open: S3Exception: Forbidden (Status Code: 403)", 65),
        ("SdkClientException: Unable to load credentials from any of the providers in the chain", 65),
    ],
)  # fmt: skip
def test_a_fault_that_tells_of_s3_being_away_may_be_tried_again(text: str, code: int) -> None:
    assert run(f"raise OSError({text!r})").returncode == code


def test_a_fault_without_words_is_told_by_its_name() -> None:
    assert last(run("assert False").stderr) == "AssertionError"


def test_of_a_java_error_the_line_that_says_something_is_told() -> None:
    body = "raise OSError('An error occurred while calling o7.save.\\n: java.io.IOException: No space left\\n\\tat x')"
    assert last(run(body).stderr) == "OSError: java.io.IOException: No space left"


def test_of_a_java_error_the_last_cause_is_told_too() -> None:
    java = "An error occurred while calling o7.x.\n: E: no\n\tat x\nCaused by: A\n\tat y\nCaused by: B: forbidden\n"
    body = f"raise OSError({java!r})"
    assert last(run(body).stderr) == "OSError: E: no Caused by: B: forbidden"


def test_arguments_that_a_job_does_not_take_are_no_reason_to_try_again(tmp_path: Path) -> None:
    ended = run("pass", "2013-12-01", "--catchup", log=tmp_path / "log")
    assert ended.returncode == 65
    assert last(ended.stderr) == "the job does not take 2013-12-01 --catchup"
    assert (tmp_path / "log").read_text() == last(ended.stderr) + "\n"


def test_help_is_no_failure() -> None:
    assert run("pass", "--help").returncode == 0


def test_a_long_reason_fits_what_kubernetes_shows(tmp_path: Path) -> None:
    ended = run("raise errors.BadInputError('ü' * 9000)", log=tmp_path / "log")
    assert (tmp_path / "log").stat().st_size <= 4096
    assert (tmp_path / "log").read_text().startswith("BadInputError: üüü")
    assert len(last(ended.stderr)) > 9000


def test_a_reason_that_cannot_be_written_to_the_log_is_still_the_last_line(tmp_path: Path) -> None:
    ended = run("raise errors.RankLostError('rank 1 died')", log=tmp_path / "no" / "such" / "folder")
    assert (ended.returncode, ended.stderr) == (75, "RankLostError: rank 1 died\n")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "base.yaml").write_text("use_case: flights\n")
    kept = f"environment: local\nroot: {tmp_path / 'root'}\ninbox: {tmp_path / 'inbox'}\n"
    (folder / "local.yaml").write_text(kept)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--days", "2013-12-01"], 65, "MissingInputError: feed schedule has no files for 2013-12-01: "),
        (["--days", "2999-12-01"], 75, "InputNotYetError: feed schedule has no files for 2999-12-01 yet: "),
        (
            ["--days", "2013-12-01", "--feed", "wether"],
            65,
            "UnknownNameError: no feed is called 'wether'. Did you mean ",
        ),
        (["--days", "2012-12-01"], 65, "MissingInputError: no feed has 2012-12-01: the first begins on 2013-01-01."),
        (["--day", "2013-12-01"], 65, "the job does not take --day 2013-12-01"),
    ],
)
def test_the_landing_job_ends_as_its_input_deserves(arguments: list[str], code: int, reason: str, conf: Path) -> None:
    job = [sys.executable, "jobs/land.py", *arguments, "--conf", str(conf)]
    ended = subprocess.run(job, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert last(ended.stderr).startswith(reason)

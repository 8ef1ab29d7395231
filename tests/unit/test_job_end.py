"""How a job ends: its exit code says whether to try again, and its last line says why. Kubernetes can read it too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JOB = """\
from headrace import errors
from headrace.stages.process_exit import leave_with_outcome

def main() -> None:
    print("working")
    {body}

leave_with_outcome(main)
"""


def run(body: str, log: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a job whose main function has this body."""
    return python("-c", JOB.format(body=body), log=log)


def python(*arguments: str, log: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in the project's folder; ``log`` is the file that Kubernetes would read."""
    environment = {**os.environ, "HEADRACE_TERMINATION_LOG": str(log)} if log else dict(os.environ)
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def last(text: str) -> str:
    return text.splitlines()[-1]


def test_a_job_that_completes_ends_with_0_and_says_nothing_on_stderr(tmp_path: Path) -> None:
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


def test_a_silent_job_says_where_it_is_when_it_gets_sigusr1() -> None:
    ended = run("import os, signal; os.kill(os.getpid(), signal.SIGUSR1)")
    assert ended.returncode == 0
    assert re.search(r'thread .*\(most recent call first\):\n  File "<string>", line 6 in main', ended.stderr)


def test_a_fault_that_nobody_foresaw_ends_with_70_its_trace_and_then_its_reason() -> None:
    ended = run("{}['flight']")
    assert ended.returncode == 70
    assert "Traceback" in ended.stderr
    assert last(ended.stderr) == "KeyError: 'flight'"


def test_a_file_whose_memory_ran_out_ends_with_71_and_says_what_there_was(conf: Path) -> None:
    body = JOB.format(body="bytearray(1 << 50)")
    ended = python("-c", body, "--conf", str(conf))
    assert ended.returncode == 71
    assert re.fullmatch(
        r"OutOfMemoryError: -c ran out of memory: [\d.]+ GB in this machine, 3 GB of heap, 2 tasks at once "
        r"\(MemoryError\)\. Lower the tasks of spark\.master or spark\.driver_memory in conf/local\.yaml, or .*",
        last(ended.stderr),
    )
    assert "in main" in ended.stderr  # the lines that the error passed


def test_a_file_without_a_configuration_says_at_least_that_memory_ran_out(tmp_path: Path) -> None:
    ended = python("-c", JOB.format(body="bytearray(1 << 50)"), "--conf", str(tmp_path))
    assert (ended.returncode, last(ended.stderr)) == (71, "OutOfMemoryError: memory ran out: MemoryError")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # the messages of Spark's client, of delta-rs, and of Spark for an error of a Python worker
        (": java.net.ConnectException: getFileStatus on s3a://b/x: software.amazon.awssdk.core.exception."
         "SdkClientException: Unable to execute HTTP request: Connect to s3:443 failed: Connection refused", 75),
        ("Caused by: org.apache.hadoop.fs.s3a.AWSServiceThrottledException: PUT on s3a://b/x: Slow Down", 75),
        ("Kernel error -> Generic S3 error\n\x1b[31m↳\x1b[0m Error performing GET s3/b in 9s\n - HTTP error", 75),
        ("PythonException: Traceback\nheadrace.errors.StorageError: s3://b/x cannot be reached: no. Try again", 75),
        ("PythonException: Traceback\nheadrace.errors.ArtefactError: model.keras has changed. Restore it", 65),
        (": java.nio.file.AccessDeniedException: s3a://b/x: open: S3Exception: Forbidden (Status Code: 403)", 65),
        ("SdkClientException: Unable to load credentials from any of the providers in the chain", 65),
    ],
)  # fmt: skip
def test_a_fault_about_s3_or_that_a_worker_raised_as_ours_has_its_own_code(text: str, code: int) -> None:
    assert run(f"raise OSError({text!r})").returncode == code


def test_a_fault_without_a_message_is_reported_by_its_name() -> None:
    assert last(run("assert False").stderr) == "AssertionError"


def test_of_a_java_error_the_first_telling_line_is_reported() -> None:
    body = "raise OSError('An error occurred while calling o7.save.\\n: java.io.IOException: No space left\\n\\tat x')"
    assert last(run(body).stderr) == "OSError: java.io.IOException: No space left"


def test_of_a_java_error_the_last_cause_is_reported_too() -> None:
    java = "An error occurred while calling o7.x.\n: E: no\n\tat x\nCaused by: A\n\tat y\nCaused by: B: forbidden\n"
    body = f"raise OSError({java!r})"
    assert last(run(body).stderr) == "OSError: E: no Caused by: B: forbidden"


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["jobs/build.py", "flights.legs", "--days", "2013-12-01", "--catchup"], "unrecognized arguments: --catchup"),
        (["jobs/build.py", "--days", "2013-12-01"], "the following arguments are required: table"),
        (["jobs/freshness.py", "a.b", "--within-days", "x"], "argument --within-days: invalid int value: 'x'"),
        (
            ["jobs/run.py", "land", "--days", "2013-12-01", "--then", "build", "flights.legs", "--day", "2013-12-01"],
            "the following arguments are required: --days",  # it is found before anything is landed
        ),
    ],
)
def test_arguments_that_a_job_does_not_take_are_a_permanent_failure(
    arguments: list[str], wrong: str, conf: Path, tmp_path: Path
) -> None:
    ended = python(*arguments, "--conf", str(conf), log=tmp_path / "log")
    assert ended.returncode == 65
    file = arguments[0] if arguments[0] != "jobs/run.py" else "jobs/build.py"
    reason = f"ArgumentsError: {file} does not take these arguments: {wrong}. Run `spark-submit {file} --help`"
    assert last(ended.stderr) == reason
    assert (tmp_path / "log").read_text() == reason + "\n"


def test_a_stage_that_does_not_exist_is_a_permanent_failure(conf: Path) -> None:
    ended = python("jobs/run.py", "biuld", "flights.legs", "--conf", str(conf))
    assert (ended.returncode, last(ended.stderr)) == (
        65, "UnknownNameError: no stage is called 'biuld'. Did you mean 'build'?",
    )  # fmt: skip


@pytest.mark.parametrize("job", sorted(path.name for path in (ROOT / "jobs").glob("*.py")))
def test_help_is_not_a_failure(job: str) -> None:
    ended = python(f"jobs/{job}", "--help")
    assert ended.returncode == 0
    assert f"jobs/{job}" in ended.stdout


def test_a_long_reason_fits_what_kubernetes_shows(tmp_path: Path) -> None:
    ended = run("raise errors.BadInputError('ü' * 9000)", log=tmp_path / "log")
    assert (tmp_path / "log").stat().st_size <= 4096
    assert (tmp_path / "log").read_text().startswith("BadInputError: üüü")
    assert len(last(ended.stderr)) > 9000


def test_a_reason_that_cannot_be_written_to_the_log_is_still_the_last_line(tmp_path: Path) -> None:
    ended = run("raise errors.RankLostError('rank 1 died')", log=tmp_path / "no" / "such" / "folder")
    assert (ended.returncode, last(ended.stderr)) == (75, "RankLostError: rank 1 died")


@pytest.mark.parametrize(("body", "code"), [("pass", 0), ("raise errors.RankLostError('rank 1 died')", 75)])
def test_output_that_finds_no_room_does_not_change_how_a_job_ends(body: str, code: int) -> None:
    line = [sys.executable, "-c", JOB.format(body=body).replace('print("working")', 'log_progress("land", "working")')]
    line[-1] = "from headrace.stages.progress import log_progress\n" + line[-1]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(line, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, "RankLostError: rank 1 died\n" if code else "")


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
        (
            ["--days", "2012-12-01"],
            65,
            "MissingInputError: no feed has 2012-12-01: the first feed begins on 2013-01-01.",
        ),
        (
            ["--day", "2013-12-01"],
            65,
            "ArgumentsError: jobs/land.py does not take these arguments: the following arguments are required: --days",
        ),
    ],
)
def test_the_landing_job_ends_with_the_code_and_the_reason_that_fit_its_input(
    arguments: list[str], code: int, reason: str, conf: Path
) -> None:
    ended = python("jobs/land.py", *arguments, "--conf", str(conf))
    assert ended.returncode == code
    assert last(ended.stderr).startswith(reason)

"""A training job whose rank is killed ends soon, retryable, with the reason; no model and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from headrace.errors import RETRYABLE
from headrace.registry import versions
from headrace.stages.context import StageContext

from tests.support import PROJECT, lake_jobs, lakes

pytestmark = [pytest.mark.slow, pytest.mark.fault]
MODEL = "flights.late15"
FOR_EVER = 1_000_000  # epochs
STARTED_WITHIN = 300.0


def rank_in_training(context: StageContext, process: subprocess.Popen[str], number: int) -> psutil.Process:
    """The process of a rank, after the first epoch."""
    deadline = time.monotonic() + STARTED_WITHIN
    while not list(context.layout.trainings.glob("*/network/*/epochs.jsonl")):
        assert process.poll() is None, "the job ended before its rank could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    ranks = [p for p in psutil.Process(process.pid).children(recursive=True) if rank_of(p) == str(number)]
    return ranks[-1]  # its shell has the same number, and comes first


def rank_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("HOROVOD_RANK", "")
    except psutil.Error:  # the process has ended
        return ""


def test_a_killed_rank_ends_the_job_within_15_seconds_to_be_tried_again_and_nothing_is_registered(
    built: StageContext, tmp_path: Path
) -> None:
    context = lakes.copy_of(built, tmp_path)
    lake_jobs.configure(context, training={"max_epochs": FOR_EVER, "patience": FOR_EVER, "batch_size": 256})
    environment = lake_jobs.with_short_window(context, tmp_path, train=12, validate=3, test=3)
    process = subprocess.Popen(
        lake_jobs.spark_submit(context, "train", MODEL, "--on", "2013-02-09"),
        env=environment, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        rank = rank_in_training(context, process, 1)
        below = psutil.Process(process.pid).children(recursive=True)
        rank.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        _, printed = process.communicate(timeout=120)
        seconds = time.monotonic() - killed
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == RETRYABLE
    assert printed.splitlines()[-1].startswith("RankLostError: rank 1 was lost: ended by signal 9 (Killed)")
    assert "py4j.protocol" not in printed  # the reason does not stand below a trace of another thread
    assert seconds < 15
    assert not versions.versions(context.layout.models, MODEL)
    assert psutil.wait_procs(below, timeout=10)[1] == []

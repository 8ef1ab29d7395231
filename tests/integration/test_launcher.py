"""When a rank dies, diverges, is late or never starts, the run ends soon with the reason, and no process is left."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import pytest
from headrace.errors import DeadlineError, RankLostError, TrainingDivergedError
from headrace.training.launcher import HorovodOnSpark
from pyspark.sql import SparkSession

from tests.support import ranks

pytestmark = pytest.mark.slow


@pytest.mark.fault
def test_a_killed_rank_ends_the_run_within_15_seconds_with_the_reason_and_its_peer(
    spark: SparkSession, tmp_path: Path
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    killed = ranks.kill_when_ready(tmp_path, rank=1)
    with pytest.raises(RankLostError, match=r"rank 1 was lost: ended by signal 9 \(Killed\)"):
        HorovodOnSpark(spark)(ranks.reduce_for_ever, [tmp_path], ranks=2, start_timeout=120, deadline=300)
    assert time.monotonic() - killed[0] < 15
    assert not ranks.alive(tmp_path, 0)
    assert sorted((tmp_path / "attempts").read_text().split()) == ["0", "1"]  # Spark did not try again on its own
    assert signal.getsignal(signal.SIGTERM) == handler


def test_an_error_of_one_rank_reaches_the_driver_as_itself(spark: SparkSession) -> None:
    with pytest.raises(TrainingDivergedError, match="the loss became nan in epoch 1") as raised:
        HorovodOnSpark(spark)(ranks.diverge_on_rank_1, [], ranks=2, start_timeout=120, deadline=300)
    assert raised.value.hint == "Lower training.learning_rate"


@pytest.mark.fault
def test_ranks_that_are_not_done_in_time_are_ended(spark: SparkSession) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"training did not finish within 0\.05 minutes"):
        HorovodOnSpark(spark)(ranks.sleep, [], ranks=2, start_timeout=120, deadline=3)
    assert time.monotonic() - began < 120


@pytest.mark.fault
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # Horovod's own thread
def test_more_ranks_than_cores_never_start_and_say_so(spark: SparkSession) -> None:
    with pytest.raises(RankLostError, match="not all of 3 ranks had started after 8 s") as raised:
        HorovodOnSpark(spark)(ranks.sleep, [], ranks=3, start_timeout=8, deadline=300)
    assert "training.ranks" in raised.value.hint
    assert spark.range(10).count() == 10  # its cores are free again


def test_a_host_name_without_an_address_is_named_before_anything_starts(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "no-such-host.invalid")
    with pytest.raises(RankLostError, match=r"no-such-host\.invalid does not resolve"):
        HorovodOnSpark(spark)(ranks.sleep, [], ranks=2, start_timeout=8, deadline=300)

"""The parts of training that need neither Spark nor Horovod."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from headrace.days import DayRange
from headrace.errors import BadInputError, HeadraceError, OutOfMemoryError, RankLostError, TrainingDivergedError
from headrace.stages.encoded_windows import check_labels
from headrace.training import progress
from headrace.training.file_count import number_of_files
from headrace.training.loop import histogram_auc
from headrace.training.rank_errors import Raised, Tail, rank_lost, results
from headrace.training.shards import Shard, Shards


def test_the_auc_of_counted_scores_counts_ties_half() -> None:
    assert histogram_auc(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 0.5
    assert histogram_auc(np.array([2.0, 0.0]), np.array([0.0, 3.0])) == 1.0
    assert histogram_auc(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0])) == 0.875


def test_our_own_error_on_a_rank_is_the_reason_whatever_the_others_say_first() -> None:
    diverged = TrainingDivergedError("the loss became nan")
    with pytest.raises(TrainingDivergedError):
        results([Raised(0, None, "HorovodInternalError: shut down", 1.0), Raised(1, diverged, "", 2.0)])


def test_of_other_errors_the_earliest_is_the_reason() -> None:
    with pytest.raises(RankLostError, match="rank 1 failed: ValueError: 3"):
        results([Raised(0, None, "HorovodInternalError: shut down", 2.0), Raised(1, None, "ValueError: 3", 1.0)])


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("...\nProcess name: 1\nExit code: 137\n", "rank 1 was lost: ended by signal 9 (Killed)"),
        ("...\nProcess name: 0\nExit code: 1\n", "rank 0 was lost: exit code 1; its last line was: Segfault"),
        ("...\nProcess name: 0\nExit code: 75\n", "training did not finish within 2 minutes"),
        ("Timed out waiting for Spark tasks to start.", "not all of 2 ranks had started after 60 s"),
    ],
)
def test_a_launchers_message_becomes_a_reason(message: str, says: str) -> None:
    tail = Tail()
    tail.write("Loading\nSegfault\n")
    error: HeadraceError = rank_lost(message, tail, ranks=2, start_timeout=60, deadline=120)
    assert str(error).startswith(says)
    assert error.hint


def test_a_rank_whose_memory_ran_out_says_what_it_held_and_what_to_change() -> None:
    short = OutOfMemoryError("memory ran out: ResourceExhaustedError: OOM when allocating tensor")
    with pytest.raises(OutOfMemoryError, match=r"^rank 1: memory ran out: .*; it held 1\.5 GB\. ") as raised:
        results([Raised(0, None, "HorovodInternalError", 1.0), Raised(1, short, "", 2.0, 3 * 2**29)])
    assert "Lower training.batch_size" in raised.value.hint
    lost = "...\nProcess name: 1\nExit code: 137\n"
    error = rank_lost(lost, Tail(), ranks=2, start_timeout=60, deadline=120, killed_by_kernel=True)
    assert (error.exit_code, error.what) == (71, "rank 1 ran out of memory: the kernel ended it")


def test_epochs_are_followed_as_they_are_written_each_once(tmp_path: Path) -> None:
    path, seen = tmp_path / "epochs.jsonl", list[progress.Epoch]()
    with progress.following(path, seen.append):
        progress.write(path, [{"epoch": 1}])
        path.unlink()
        time.sleep(2 * progress.POLL_SECONDS)
        progress.write(path, [{"epoch": 1}, {"epoch": 2}])
    assert seen == [{"epoch": 1}, {"epoch": 2}]


def test_an_error_in_what_shows_an_epoch_is_logged_and_ends_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "epochs.jsonl"

    def refuse(epoch: progress.Epoch) -> None:
        raise ValueError(epoch["epoch"])

    with progress.following(path, refuse):
        progress.write(path, [{"epoch": 7}])
    assert "what shows the next epochs is lost, and the work goes on: ValueError: 7" in caplog.messages


@pytest.mark.parametrize(
    ("rows", "files"),
    [(1, 1), (255, 1), (256, 2), (1024, 8), (8_388_608, 8), (8_388_609, 16), (10_000_000, 16), (100_000_000, 128)],
)
def test_the_number_of_files_follows_the_rows(rows: int, files: int) -> None:
    assert number_of_files(rows) == files


def test_rows_of_a_single_label_are_refused_before_a_rank_starts(tmp_path: Path) -> None:
    days = DayRange.parse("2026-01-01..2026-01-03")

    def of(*positives: int) -> Shards:
        return Shards(tmp_path, "", tuple(Shard(f"{n}.arrow", 1000, n, 0, "") for n in positives))

    check_labels(of(0, 1), days)
    with pytest.raises(BadInputError, match=f"all 2,000 labelled rows of {days} have the label 0"):
        check_labels(of(0, 0), days)
    with pytest.raises(BadInputError, match=r"all 1,000 labelled rows of .* have the label 1"):
        check_labels(of(1000), days)

"""The cores of a rank."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from headrace import variables
from headrace.training import cores


@pytest.mark.parametrize(
    ("machine", "executor", "limit", "ranks_here", "expected"),
    [
        (8, "", "max 100000", "1", 8),  # a laptop
        (8, "", "max 100000", "2", 4),
        (64, "2", "max 100000", "1", 2),  # a pod without a limit, which sees the node's cores
        (64, "4", "200000 100000", "1", 2),  # a limit below the executor's cores
        (2, "", "50000 100000", "4", 1),
        (2, "", None, "1", 2),
    ],
)
def test_a_rank_has_its_share_of_the_cores_of_its_executor_or_machine(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    machine: int,
    executor: str,
    limit: str | None,
    ranks_here: str,
    expected: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(machine)))
    monkeypatch.setattr(cores, "CGROUP", tmp_path / "cpu.max")
    if limit:
        (tmp_path / "cpu.max").write_text(f"{limit}\n")
    monkeypatch.setenv(variables.EXECUTOR_CORES, executor)
    monkeypatch.setenv("HOROVOD_LOCAL_SIZE", ranks_here)
    assert cores.cores_of_rank() == expected

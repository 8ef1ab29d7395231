"""Applications on a real operator are owned, followed to their end, and deleted."""

from __future__ import annotations

import pytest
from headrace.outcome import Outcome

from tests.support.ground import Ground

pytestmark = [pytest.mark.k8s, pytest.mark.timeout(900), pytest.mark.usefixtures("nothing_is_left_at_once")]
PROBE = "jobs/probe.py"


def test_a_job_says_its_lines_and_ends(ground: Ground) -> None:
    ended, lines = ground.run(ground.manifest("lines", PROBE, "say 'hello there' say 'good bye'"))
    assert ended == Outcome(0)
    assert [line for line in lines if line in ("hello there", "good bye")] == ["hello there", "good bye"]


@pytest.mark.parametrize(
    ("word", "ended"),
    [
        ("permanent", Outcome(65, "PermanentError: no such luck. Mend it")),
        ("retryable", Outcome(75, "RetryableError: no such luck. Wait")),
    ],
)
def test_a_job_ends_with_its_own_code_and_reason(ground: Ground, word: str, ended: Outcome) -> None:
    assert ground.run(ground.manifest(f"own {word}", PROBE, f"{word} 'no such luck'"))[0] == ended


def test_a_job_uses_its_executors(ground: Ground) -> None:
    ended, lines = ground.run(ground.manifest("executors", PROBE, "count"))
    assert ended == Outcome(0)
    assert "the sum is 4999950000" in lines

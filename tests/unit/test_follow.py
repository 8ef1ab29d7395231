"""An application is followed to its end, through outages and refusals, with each line of its log once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from headrace.backends.kubernetes import follow, lines
from headrace.errors import RETRYABLE, ClusterError, ClusterRefusedError, NotPermittedError
from headrace.outcome import Outcome

from tests.support.fake_cluster import Absent, finished, followed, owned, pod


def test_a_job_is_followed_again_after_its_cluster_was_away_and_its_last_line_is_the_reason() -> None:
    lines: list[str] = []
    ended = followed(Absent(), lines.append)
    assert ended == Outcome(1, "exit code 1; its last line was: FileNotFoundError: no rates.csv")
    assert [line for line in lines if line.startswith("connection to the cluster lost")] == [lines[0]] * 2
    assert lines[-1] == "FileNotFoundError: no rates.csv"


class Restarted(Absent):
    """After the first look it does not know accounts and permissions for a while, as after a restart."""

    def __init__(self, refusals: int, shown_before: int = 1) -> None:
        super().__init__()
        self.refused = range(shown_before + 1, shown_before + 1 + refusals)

    async def application(self, _: str) -> Any:
        self.asked += 1
        if self.asked in self.refused:
            raise NotPermittedError("the Kubernetes API refuses the request: sparkapplications is forbidden")
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pod(self, _: str) -> Any:
        driver = finished(0) if self.asked > self.refused.stop else pod(running={"startedAt": "now"})
        return owned(driver, "u")


def test_a_job_is_waited_for_while_the_cluster_refuses_to_show_it() -> None:
    for cluster in (Restarted(refusals=3), Restarted(refusals=3, shown_before=0)):
        said: list[str] = []
        assert followed(cluster, said.append) == Outcome(0)
        [told] = [line for line in said if line.startswith("connection to the cluster lost")]  # once
        assert told.endswith("sparkapplications is forbidden")


def test_a_refusal_that_lasts_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "REFUSED_SECONDS", 0.2)
    monkeypatch.setattr(follow, "UNSEEN_SECONDS", 0.2)
    for shown_before in (0, 1):
        with pytest.raises(NotPermittedError, match="sparkapplications is forbidden"):
            followed(Restarted(refusals=10_000, shown_before=shown_before), [].append)


class Away(Restarted):
    """It cannot be reached for long, and then refuses once."""

    async def application(self, name: str) -> Any:
        if self.asked < 8:
            self.asked += 1
            raise ClusterError("Kubernetes API request failed: no route")
        return await super().application(name)


def test_the_first_refusal_after_a_long_outage_is_not_final(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "UNSEEN_SECONDS", 0.05)
    assert followed(Away(refusals=1, shown_before=8), [].append) == Outcome(0)


class Forbidding(Absent):
    """Its executors and events may not be seen."""

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pods(self, _: str) -> list[Any]:
        raise NotPermittedError("the Kubernetes API refuses the request: pods is forbidden")


def test_what_only_makes_a_reason_more_precise_may_be_forbidden() -> None:
    assert followed(Forbidding(), [].append).reason.endswith("FileNotFoundError: no rates.csv")


class Talking(Absent):
    """Its driver's log comes in several connections. A connection that has OSError in it breaks there.

    The driver has ended once so many connections have begun.
    """

    def __init__(self, *connections: list[Any], ends_after: int | None = None, pause: float = 0) -> None:
        super().__init__()
        self.connections, self.pause, self.begun = connections, pause, 0
        self.ends_after = len(connections) if ends_after is None else ends_after

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "RUNNING"}}}

    async def pod(self, _: str) -> Any:
        return owned(finished(0) if self.begun >= self.ends_after else pod(running={"startedAt": "now"}), "u")

    async def log(self, _: str) -> AsyncIterator[bytes]:
        self.begun += 1
        for line in self.connections[min(self.begun, len(self.connections)) - 1]:
            await asyncio.sleep(self.pause)
            if line is OSError:
                raise OSError("connection reset by peer")
            yield line


def shown(cluster: Talking) -> list[str]:
    found: list[str] = []
    assert followed(cluster, found.append) == Outcome(0)  # type: ignore[arg-type]
    return found


def test_lines_of_two_streams_whose_times_are_not_in_order_are_all_shown() -> None:
    assert shown(Talking([b"2 second", b"1 first", b"1 also", b"3 third"])) == ["second", "first", "also", "third"]


def test_a_log_that_begins_again_with_its_first_line_shows_only_what_is_new() -> None:
    again = [b"2 second", b"1 first", b"1 late", b"3 third"]
    assert shown(Talking(again[:2], again)) == ["second", "first", "late", "third"]


def test_the_log_of_a_job_that_ended_before_anybody_looked_is_shown() -> None:
    assert shown(Talking([b"1 first", b"2 second"], ends_after=0)) == ["first", "second"]


def test_the_end_of_a_log_is_read_again_if_the_connection_broke_as_the_driver_ended() -> None:
    whole = [b"1 first", b"2 the error"]
    assert shown(Talking([b"1 first", OSError], whole, ends_after=1)) == ["first", "the error"]


def test_a_line_of_the_node_without_a_time_is_shown_whole_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "KEPT_LINES", 2)
    log = [b"failed to create watcher: too many open files", b"1 first", b"2 second", b"3 third"]
    expected = ["failed to create watcher: too many open files", "first", "second", "third", "fourth"]
    assert shown(Talking(log, [*log[1:], b"4 fourth"])) == expected


def test_a_log_that_cannot_be_read_does_not_hold_the_outcome_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SETTLE_SECONDS", 0.2)
    assert shown(Talking([OSError], ends_after=0)) == []


class Replaced(Talking):
    """Somebody deleted the application; another one has its name."""

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "another"}}

    async def pod(self, _: str) -> Any:
        return owned(finished(0), "another")


def test_the_log_of_another_application_of_the_same_name_is_not_shown() -> None:
    said: list[str] = []
    assert "deleted by somebody else" in followed(Replaced([b"1 a line of another application"]), said.append).reason
    assert not [line for line in said if "of another application" in line]


def test_a_long_log_is_shown_to_its_end_as_long_as_lines_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SETTLE_SECONDS", 0.2)
    log = [f"{number} line {number}".encode() for number in range(30)]
    assert shown(Talking(log, pause=0.02, ends_after=0)) == [f"line {number}" for number in range(30)]


def test_a_log_longer_than_what_is_remembered_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "KEPT_LINES", 10)
    log = [f"{number:03} line {number}".encode() for number in range(40)]
    assert shown(Talking(log[:30], log)) == [f"line {number}" for number in range(40)]


class WithoutLog(Absent):
    """Its driver's log may not be read. At first, the driver of an earlier application is still ending."""

    async def application(self, _: str) -> Any:
        return {"metadata": {"uid": "u"}, "status": {"applicationState": {"state": "SUBMITTED"}}}

    async def pod(self, _: str) -> Any:
        self.asked += 1
        return owned(finished(143), "earlier") if self.asked < 3 else owned(finished(1), "u")

    async def log(self, _: str) -> AsyncIterator[bytes]:
        raise ClusterRefusedError("the cluster refuses: pods/log is forbidden", "See docs/deploy.md")
        yield b""  # type: ignore[unreachable]  # it makes this a generator


def test_a_refused_log_is_reported_once_and_is_not_taken_for_the_jobs_last_line() -> None:
    lines: list[str] = []
    ended = followed(WithoutLog(), lines.append)
    assert ended == Outcome(1, "exit code 1")  # and not 143, which was the earlier driver's
    refused = "the driver's log cannot be read: the cluster refuses: pods/log is forbidden. See docs/deploy.md"
    assert lines.count(refused) == 1


class WithoutRoom(WithoutLog):
    """Its driver gave up because it could not start executors."""

    async def pod(self, _: str) -> Any:
        return owned(finished(11, message="SparkException: SparkContext was shut down"), "u")

    async def log(self, _: str) -> AsyncIterator[bytes]:
        yield b'1 Message: pods "x-exec-1" is forbidden: exceeded quota: jobs, used: pods=2, limited: pods=2'
        yield b"2 ERROR ExecutorPodsLifecycleManager: Max number of executor failures (60) reached"


def test_a_driver_that_could_not_start_executors_ends_with_the_reason_that_they_were_refused() -> None:
    ended = followed(WithoutRoom(), [].append)
    refused = "the namespace's quota is full: exceeded quota: jobs, used: pods=2, limited: pods=2"
    assert ended == Outcome(RETRYABLE, f"its executors could not be made: {refused}")

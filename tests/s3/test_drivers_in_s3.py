"""Drivers on one table in S3: no write that succeeded is lost, and none is there twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from headrace.lake.table import Lake
from headrace.layout import Layout
from headrace.storage import S3Path

from tests.support import rivals
from tests.support.faulty_s3 import Faults, between
from tests.support.s3_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.fault]
FAR = 0.06  # seconds; at the sub-millisecond of a server on the same machine, drivers seldom meet


def told_behind(
    server: Server, faults: Faults, trial: rivals.Trial, folder: Path, within: float = 580
) -> rivals.Writes:
    """What the drivers of a trial were told, with a proxy before their server."""
    with between(server.port, faults) as port:
        return trial.run(folder, {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}, within)


def assert_each_once(trial: rivals.Trial, told: rivals.Writes) -> None:
    """Each driver was told that all its rows are written, and each is there once."""
    rows = Lake(Layout(trial.root).tables).table("rivals.rows").delta().to_pyarrow_table().to_pylist()
    found = Counter((row["writer"], row["number"]) for row in rows)
    assert found == {(name, number): 1 for name, numbers in told.items() for number in numbers}
    assert [len(numbers) for numbers in told.values()] == [trial.writes] * trial.drivers


def assert_each_has_one_creator(trial: rivals.Trial, told: rivals.Writes) -> None:
    """Each version of the log has the content of the one driver that was told that it created it."""
    log = Layout(trial.root).tables / "rivals" / "rows" / "_delta_log"
    found = {int(file.stem): file.read_bytes().decode().strip() for file in log.iterdir() if file.suffix == ".json"}
    assert found == {number: name for name, numbers in told.items() for number in numbers}
    assert sum(map(len, told.values())) == trial.writes
    assert all(told.values()), "one driver was always first, so the drivers did not meet"


def test_two_drivers_that_create_a_table_together_and_append_to_it_lose_nothing(
    server: Server, folder: S3Path, tmp_path: Path
) -> None:
    trial = rivals.Trial(folder, "append", drivers=2, writes=6)
    assert_each_once(trial, told_behind(server, Faults(FAR), trial, tmp_path))


def test_each_version_of_a_log_is_created_by_one_of_two_drivers(server: Server, folder: S3Path, tmp_path: Path) -> None:
    trial = rivals.Trial(folder, "log", drivers=2, writes=50, apart=0.1)
    assert_each_has_one_creator(trial, told_behind(server, Faults(FAR), trial, tmp_path))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_four_drivers_lose_none_of_200_commits_while_replies_are_lost_and_requests_refused(
    server: Server, folder: S3Path, tmp_path: Path
) -> None:
    faults = Faults(FAR, lost=0.02, refused=0.05)
    trial = rivals.Trial(folder, "append", drivers=4, writes=50)
    assert_each_once(trial, told_behind(server, faults, trial, tmp_path, within=3300))
    assert min(faults.seen.values()) > 20, faults.seen


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_four_drivers_create_each_of_1000_versions_once_while_replies_are_lost_and_requests_refused(
    server: Server, folder: S3Path, tmp_path: Path
) -> None:
    faults = Faults(0.01, lost=0.05, refused=0.1)
    trial = rivals.Trial(folder, "log", drivers=4, writes=1000, apart=0.1)
    assert_each_has_one_creator(trial, told_behind(server, faults, trial, tmp_path, within=3300))
    assert min(faults.seen.values()) > 20, faults.seen

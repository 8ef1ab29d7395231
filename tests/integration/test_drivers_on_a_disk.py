"""Two drivers on one table on a disk: no write that succeeded is lost, and none is there twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from headrace.layout import Layout

from tests.support import rivals

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.long]  # `make test-s3` runs the same in S3


def appended(root: Path) -> Counter[tuple[str, int]]:
    """How often each row is in the table."""
    from headrace.lake.table import Lake

    rows = Lake(Layout(root).tables).table("rivals.rows").delta().to_pyarrow_table().to_pylist()
    return Counter((row["writer"], row["number"]) for row in rows)


def test_two_drivers_that_create_a_table_together_and_append_to_it_lose_nothing(tmp_path: Path) -> None:
    told = rivals.Trial(tmp_path / "root", "append", drivers=2, writes=25).run(tmp_path, {}, within=500)
    assert appended(tmp_path / "root") == {(name, number): 1 for name in told for number in range(25)}
    assert {name: len(numbers) for name, numbers in told.items()} == dict.fromkeys(told, 25)


def test_each_version_of_a_log_is_created_by_one_of_two_drivers(tmp_path: Path) -> None:
    root = tmp_path / "root"
    told = rivals.Trial(root, "log", drivers=2, writes=500, apart=0.002).run(tmp_path, {}, within=500)
    log = Layout(root).tables / "rivals" / "rows" / "_delta_log"
    assert {int(file.stem): file.read_text().strip() for file in log.iterdir()} == {
        number: name for name, numbers in told.items() for number in numbers
    }
    assert sum(map(len, told.values())) == 500

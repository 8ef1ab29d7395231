"""Batches: the same rows whatever the number of ranks, and each row once in an epoch."""

from __future__ import annotations

from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
from headrace.errors import ArtefactError, BadInputError
from headrace.training.batches import Batches
from headrace.training.interval import Interval, first_rows

from tests.support.arrow_shards import numbered


def numbers(batches: Batches, epoch: int, rank: int, ranks: int) -> list[list[int]]:
    """Of each batch, the numbers of a rank's rows."""
    return [part.rows.dense[:, 0].astype(int).tolist() for part in batches.epoch(epoch, rank, ranks)]


@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_the_parts_of_all_ranks_are_the_batch_of_one_rank(tmp_path: Path, ranks: int) -> None:
    batches = Batches([numbered(tmp_path, 50, 51, 47, 3)], batch_size=24, seed=1)
    whole = numbers(batches, 1, 0, 1)
    parts = [numbers(batches, 1, rank, ranks) for rank in range(ranks)]
    assert [list(chain(*of_ranks)) for of_ranks in zip(*parts, strict=True)] == whole
    assert {part.of for part in batches.epoch(1, 1, ranks)} == {len(batch) for batch in whole}


def test_an_epoch_has_each_row_once_and_the_next_mixes_them_in_other_ways(tmp_path: Path) -> None:
    batches = Batches([numbered(tmp_path, 50, 51, 47, 3)], batch_size=24, seed=1)
    first, again, second = (numbers(batches, epoch, 0, 1) for epoch in (1, 1, 2))
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(151))
    assert first == again
    assert {frozenset(batch) for batch in first}.isdisjoint(frozenset(batch) for batch in second)
    assert max(map(len, first)) - min(map(len, first)) <= 4


def test_each_batch_has_its_share_of_each_window(tmp_path: Path) -> None:
    (tmp_path / "late").mkdir()
    early, late = numbered(tmp_path, 400, 400), numbered(tmp_path / "late", 200)
    batches = Batches([early, late], batch_size=50, seed=1)
    assert [len(batch) for batch in numbers(batches, 1, 0, 1)] == [50] * 20
    assert sum(part.rows for part in (early, late)) == batches.rows


def test_a_batch_with_fewer_rows_than_ranks_is_refused(tmp_path: Path) -> None:
    batches = Batches([numbered(tmp_path, 30)], batch_size=6, seed=1)
    batches.check(6)
    with pytest.raises(BadInputError, match="a batch of 6 rows is too small for 7 ranks"):
        batches.check(7)


def test_a_batch_may_have_fewer_rows_than_there_are_files(tmp_path: Path) -> None:
    batches = Batches([numbered(tmp_path, *[20] * 8)], batch_size=4, seed=1)
    batches.check(3)
    found = numbers(batches, 1, 0, 1)
    assert {len(batch) for batch in found} <= {3, 4, 5}
    assert sorted(chain(*found)) == list(range(160))
    with pytest.raises(BadInputError, match=r"a batch of \d rows is too small for 6 ranks"):
        batches.check(6)


def test_the_intervals_of_all_ranks_are_the_rows_in_their_order(tmp_path: Path) -> None:
    written = numbered(tmp_path, 50, 51, 47, 3)
    intervals = [Interval(written, rank, 3) for rank in range(3)]
    assert [interval.rows for interval in intervals] == [50, 50, 51]
    found = np.concatenate([interval.slice(0, interval.rows).dense[:, 0] for interval in intervals])
    assert found.tolist() == list(range(151))


def test_a_file_is_read_only_for_a_rank_that_needs_its_rows(tmp_path: Path) -> None:
    written = numbered(tmp_path, 40, 40)
    (tmp_path / written.files[1].file).write_bytes(b"changed")
    assert first_rows(written, 40).dense[:, 0].tolist() == list(range(40))
    assert len(numbers(Batches([written], 20, seed=1), 1, 0, 2)) == 4
    with pytest.raises(ArtefactError, match=written.files[1].file):
        list(Batches([written], 20, seed=1).epoch(1, 1, 2))


def test_a_batch_may_be_a_row_and_a_file_has_thousands_of_them(tmp_path: Path) -> None:
    found = numbers(Batches([numbered(tmp_path, 3000)], batch_size=1, seed=1), 1, 0, 1)
    assert sorted(found) == [[row] for row in range(3000)]
    assert sum(later == [earlier[0] + 1] for earlier, later in pairwise(found)) < 30  # they are shuffled


@pytest.mark.parametrize("ranks", [1, 3])
def test_rows_around_the_end_of_a_file_and_of_its_record_batches_are_read_once(tmp_path: Path, ranks: int) -> None:
    batches = Batches([numbered(tmp_path, 1, 13, 700, 2)], batch_size=60, seed=1)
    for epoch in range(5):
        found = chain(*(chain(*numbers(batches, epoch, rank, ranks)) for rank in range(ranks)))
        assert sorted(found) == list(range(716))

"""Days are cut into chunks of about equal bytes, each at least about as long as the look-back."""

from __future__ import annotations

from headrace.declare import Contract
from headrace.stages.chunks import MAX_PARTITIONS, PARTITION_BYTES, cut, partitions_of, row_bytes
from headrace.stages.progress import Progress

from tests.support.rush_lake import days


def lengths(within: int, bytes_a_day: int, limit: int, least: int = 1) -> list[int]:
    return [len(part) for part in cut(days(1, within), lambda _: bytes_a_day, limit, least)]


def test_days_that_fit_are_one_chunk() -> None:
    assert cut(days(1, 10), lambda _: 99, limit=1_000, least=1) == [days(1, 10)]


def test_chunks_hold_all_days_once_and_in_order() -> None:
    parts = cut(days(1, 10), lambda _: 300, limit=1_000, least=1)
    assert [day for part in parts for day in part] == [*days(1, 10)]
    assert [len(part) for part in parts] == [2, 3, 2, 3]


def test_large_days_make_short_chunks() -> None:
    large = {*days(1, 2)}
    parts = cut(days(1, 12), lambda day: 1_000 if day in large else 100, limit=1_010, least=1)
    assert parts == [days(1), days(2), days(3, 12)]


def test_a_day_that_exceeds_the_limit_is_a_chunk_by_itself() -> None:
    assert lengths(3, bytes_a_day=5_000, limit=1_000) == [1, 1, 1]


def test_a_chunk_is_about_as_long_as_the_look_back_however_large() -> None:
    assert lengths(90, bytes_a_day=5_000, limit=1_000, least=30) == [30, 30, 30]
    assert lengths(59, bytes_a_day=5_000, limit=1_000, least=30) == [59]


def test_days_without_rows_are_one_chunk() -> None:
    assert lengths(365, bytes_a_day=0, limit=1_000) == [365]


def test_a_text_takes_more_of_a_row_than_a_number() -> None:
    numbers, texts = Contract(columns={"a": "int", "b": "double"}), Contract(columns={"a": "int", "b": "string"})
    assert (row_bytes(numbers), row_bytes(texts)) == (16, 40)


def test_partitions_follow_the_bytes_up_to_a_bound() -> None:
    assert [partitions_of(n * PARTITION_BYTES) for n in (0, 1, 70, 10**6)] == [1, 1, 70, MAX_PARTITIONS]


def test_progress_names_the_chunk_and_the_time_left_but_not_for_a_single_chunk() -> None:
    one, three = Progress([5]), Progress([100, 100, 200])
    assert one.step() == ""
    assert three.step().startswith("chunk 1 of 3, about ")
    assert three.step().startswith("chunk 2 of 3, about ")
    assert three.step() == "chunk 3 of 3"

"""How many files the rows of a training frame are written to."""

from __future__ import annotations

USUAL = 8
LEAST_ROWS = 128  # of a file, on average: a frame with fewer than eight times as many rows has fewer files
MOST_ROWS = 2**20  # of a file, on average: sorting and reading a file stay small


def number_of_files(rows: int, ranks: int) -> int:
    """The number of files; each rank can have a file of its own.

    The number follows the rows, so that the same rows are in the same order whatever the number of ranks. Only where
    that gives fewer files than ranks, each rank gets a file. It is a power of two, so that the usual numbers of ranks
    divide it. A batch takes rows of every file, so it grows slowly: 8 files up to 8M rows, 128 files at 100M.
    """
    small = min(USUAL, 1 << max(1, rows // LEAST_ROWS).bit_length() - 1)
    return max(small, _power_of_two(-(-rows // MOST_ROWS)), _power_of_two(ranks))


def _power_of_two(least: int) -> int:
    """The smallest one that is not less."""
    return 1 << max(0, least - 1).bit_length()

"""How many files the rows of a training frame are written to."""

from __future__ import annotations

USUAL = 8
LEAST_ROWS = 128  # of a file, on average: a frame with fewer than eight times as many rows has fewer files
MOST_ROWS = 2**20  # of a file, on average: sorting and reading a file stay small


def number_of_files(rows: int) -> int:
    """The number of files, a power of two. It follows the rows, so that no file depends on the number of ranks.

    A batch takes rows of every file, so it grows slowly: 8 files up to 8M rows, 128 files at 100M.
    """
    small = min(USUAL, 1 << max(1, rows // LEAST_ROWS).bit_length() - 1)
    return max(small, 1 << max(0, -(-rows // MOST_ROWS) - 1).bit_length())

"""Rows of delimited text are counted alike however the text is cut into chunks."""

from __future__ import annotations

import pytest
from headrace.declare import csv
from headrace.landing.cells import Counted, counted, lines_in

TEXTS = {
    "LF": (b'a,b\n"x\ny",1\n2,"3"\n', 2, True),
    "CRLF": (b'a,b\r\n"x\r\ny",1\r\n2,"3"\r\n\r\n4,5', 3, True),
    "CR": (b'a,b\r1,"2"\r\r3,4', 2, False),
    "doubled quotes": (b'a,b\n"""",""\n"x""\n""y",5" z\n', 2, True),
    "two bytes a letter": ("a,b\n\u00fc,\u00fc\n".encode(), 1, False),
}


@pytest.mark.parametrize(("text", "rows", "newlines"), TEXTS.values(), ids=TEXTS.keys())
def test_rows_do_not_depend_on_where_a_chunk_ends(text: bytes, rows: int, newlines: bool) -> None:
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            chunks = [text[:first], text[first:second], text[second:]]
            assert counted(chunks, csv(), "file") == Counted(("a", "b"), rows, newlines), chunks


def test_a_long_line_is_read_in_time_that_grows_with_its_length() -> None:
    [[line]] = [block for block in lines_in([b"x" * 2**20] * 200) if block]
    assert len(line) == 200 * 2**20

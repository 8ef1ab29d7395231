"""Count the rows of delimited text as Spark reads them: a quoted cell may have line ends."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from headrace.declare.formats import Csv
from headrace.errors import BadInputError

AGAIN = "Ask the feed's owner to deliver it again, then land the day again"
MAX_LINES = 10_000  # of a row: a longer one has a quote that somebody forgot to close
_BLANK = bytes(range(33))  # what Java's trim removes: Spark skips a line of nothing else


@dataclass(frozen=True)
class Counted:
    """The columns that the header names, the rows after it, and whether a cell has a line end."""

    columns: tuple[str, ...]
    rows: int
    newlines: bool


def counted(chunks: Iterable[bytes], dialect: Csv, known_as: str) -> Counted | None:
    """Read text to its end; None if it has no line.

    Raises:
        BadInputError: it has bytes that its encoding does not have, or a quote that is not closed.
    """
    rows = Rows(lines_in(as_utf8(chunks, dialect.encoding, known_as)), dialect, known_as)
    if (header := next(rows, None)) is None:
        return None
    number = sum(1 for _ in rows)
    return Counted(columns_in(header, dialect), number, rows.newlines)


class Rows:
    """Iterates over the text of rows. Afterwards, ``newlines`` says whether a cell had a line end."""

    def __init__(self, lines: Iterator[bytes], dialect: Csv, known_as: str) -> None:
        self.newlines = False
        self._lines, self._dialect, self._known_as = lines, dialect, known_as
        self._quote, self._doubled = dialect.quote.encode(), dialect.escapes == dialect.quote
        self._rows = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = next(self._lines)
        self._rows += 1
        # A line whose quotes are in pairs ends its row. Only the others go through the parser, which takes ten times
        # as long.
        quotes = line.count(self._quote)
        return self._row(line) if (quotes % 2 if self._doubled else quotes) else line

    def _row(self, line: bytes) -> bytes:
        """The row that a line begins, and which the parser may find to end in a later line."""
        parts = [line]

        def lines() -> Iterator[str]:
            yield line.decode("latin-1")
            for more in islice(self._lines, MAX_LINES):
                parts.append(more)
                yield more.decode("latin-1")
            what = f"a quote in row {self._rows:,} is not closed within {len(parts):,} lines"
            raise BadInputError(f"{self._known_as}: {what}", AGAIN)

        next(_parsed(lines(), self._dialect))
        self.newlines |= len(parts) > 1
        return b"".join(parts)


def columns_in(header: bytes, dialect: Csv) -> tuple[str, ...]:
    """The columns that a header names."""
    return tuple(next(_parsed([header.decode("utf-8-sig").rstrip("\r\n")], dialect)))


def _parsed(lines: Iterable[str], dialect: Csv) -> Iterator[list[str]]:
    csv.field_size_limit(sys.maxsize)
    escape = None if dialect.escapes == dialect.quote else dialect.escape
    return csv.reader(
        lines, delimiter=dialect.separator, quotechar=dialect.quote, doublequote=not escape, escapechar=escape
    )


def as_utf8(chunks: Iterable[bytes], encoding: str, known_as: str) -> Iterator[bytes]:
    """Text in chunks, encoded as UTF-8.

    Raises:
        BadInputError: it is not text of this encoding. The error names the byte and where it is.
    """
    decoder, offset = codecs.getincrementaldecoder(encoding)(), 0
    ascii_is_same = "a".encode(encoding) == b"a"
    for chunk in chain(chunks, [b""]):
        pending = len(decoder.getstate()[0])
        if ascii_is_same and not pending and chunk.isascii():
            text = chunk
        else:
            try:
                text = decoder.decode(chunk, final=not chunk).encode()
            except UnicodeDecodeError as wrong:
                at, byte = offset - pending + wrong.start, wrong.object[wrong.start]
                raise BadInputError(
                    f"{known_as} is not {encoding.upper()}: byte 0x{byte:02X} at offset {at:,}",
                    f"Have it delivered as {encoding.upper()}, or declare format=csv(encoding=...) of its feed",
                ) from None
        offset += len(chunk)
        yield text


def lines_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that Spark reads: it ends a line at LF, CR or CRLF, and skips blank lines."""
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        rest = b"" if not lines or lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        yield from [line for line in lines if line.lstrip(_BLANK)]
    if rest.lstrip(_BLANK):
        yield rest

"""Count the rows of delimited text as Spark reads them: a quoted cell may have line ends."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from headrace.declare.formats import UTF_8, Csv
from headrace.errors import BadInputError

AGAIN = "Ask the feed's owner to deliver it again, then land the day again"
MAX_LINES = 1000  # of a row: a longer one has a quote that somebody forgot to close
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
    rows.check_ends()
    return Counted(columns_in(header, dialect), number, rows.newlines)


class Rows:
    """Iterates over the text of rows, from blocks of lines. Then ``newlines`` says whether a cell had a line end."""

    def __init__(self, blocks: Iterable[list[bytes]], dialect: Csv, known_as: str) -> None:
        self.newlines = False
        self._dialect, self._known_as = dialect, known_as
        self._quote, self._separator = dialect.quote.encode(), dialect.separator.encode()
        self._rows, self._ends, self._tidy = 0, set[bytes](), False
        self._lines = self._lines_of(blocks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = next(self._lines)
        self._rows += 1
        quotes = line.count(self._quote)
        # Only lines that may not end their row go through the parser, which takes several times as long.
        whole = not quotes or (quotes % 2 == 0 if self._tidy else self._is_tidy(line))
        row = line if whole else self._row(line)
        self._ends.add(row[-2:] if row.endswith(b"\r\n") else row[-1:])
        return row

    def _lines_of(self, blocks: Iterable[list[bytes]]) -> Iterator[bytes]:
        for block in blocks:
            self._tidy = self._is_tidy(b"".join(block))
            yield from block

    def check_ends(self) -> None:
        """Check that all rows end alike: Spark looks at the first one only, if cells have line ends.

        Raises:
            BadInputError: they do not.
        """
        if self.newlines and len(self._ends & {b"\r\n", b"\n", b"\r"}) > 1:
            what = "its cells have line ends, and its rows end in different ways"
            raise BadInputError(f"{self._known_as}: {what}", AGAIN)

    def _is_tidy(self, text: bytes) -> bool:
        """Whether every quote of some lines opens or closes a cell, and as many close as open."""
        if self._dialect.escapes != self._dialect.quote:
            return False
        quote, separator = self._quote, self._separator
        if quote not in text:
            return True
        text = text.replace(quote * 2, b"")
        opened = sum(text.count(before + quote) for before in (separator, b"\n", b"\r")) + text.startswith(quote)
        closed = sum(text.count(quote + after) for after in (separator, b"\n", b"\r")) + text.endswith(quote)
        return opened == closed and opened + closed == text.count(quote)

    def _row(self, line: bytes) -> bytes:
        """The row that a line begins, and which the parser may find to end in a later line."""
        parts = [line]

        def lines() -> Iterator[str]:
            yield line.decode("latin-1")
            for more in islice(self._lines, MAX_LINES):
                parts.append(more)
                yield more.decode("latin-1")
            raise self._unclosed(f"is not closed within {len(parts):,} lines")

        try:
            next(_parsed(lines(), self._dialect, strict=True))
        except csv.Error:  # text after a quote that closes a cell
            if len(parts) > 1:
                raise self._unclosed("is closed within another cell, some lines later") from None
        self.newlines |= len(parts) > 1
        return b"".join(parts)

    def _unclosed(self, what: str) -> BadInputError:
        return BadInputError(f"{self._known_as}: a quote in row {self._rows:,} {what}", AGAIN)


def columns_in(header: bytes, dialect: Csv) -> tuple[str, ...]:
    """The columns that a header names."""
    return tuple(next(_parsed([header.decode("utf-8-sig").rstrip("\r\n")], dialect)))


def _parsed(lines: Iterable[str], dialect: Csv, *, strict: bool = False) -> Iterator[list[str]]:
    """The cells of rows. ``strict`` lets it raise an error at text after a quote that closes a cell."""
    csv.field_size_limit(sys.maxsize)
    escape = None if dialect.escapes == dialect.quote else dialect.escape
    separator, quote = dialect.separator, dialect.quote
    return csv.reader(
        lines, delimiter=separator, quotechar=quote, doublequote=not escape, escapechar=escape, strict=strict
    )


def as_utf8(chunks: Iterable[bytes], encoding: str, known_as: str) -> Iterator[bytes]:
    """Text in chunks, encoded as UTF-8.

    Raises:
        BadInputError: it is not text of this encoding. The error names the byte and where it is.
    """
    decoder, offset = codecs.getincrementaldecoder(encoding)(), 0
    is_utf8 = codecs.lookup(encoding).name == UTF_8
    for chunk, final in chain(((chunk, False) for chunk in chunks), [(b"", True)]):
        pending = len(decoder.getstate()[0])
        if is_utf8 and not pending and chunk.isascii():
            text = chunk
        else:
            try:
                text = decoder.decode(chunk, final).encode()
            except UnicodeDecodeError as wrong:
                at, byte = offset - pending + wrong.start, wrong.object[wrong.start]
                raise BadInputError(
                    f"{known_as} is not {encoding.upper()}: byte 0x{byte:02X} at offset {at:,}",
                    f"Have it delivered as {encoding.upper()}, or declare format=csv(encoding=...) of its feed",
                ) from None
            except UnicodeError as wrong:  # such as no byte order mark
                raise BadInputError(f"{known_as} is not {encoding.upper()}: {wrong}", AGAIN) from None
        offset += len(chunk)
        yield text


def lines_in(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines that Spark reads, in blocks: it ends a line at LF, CR or CRLF, and skips blank lines."""
    held: list[bytes] = []
    for chunk in chunks:
        held.append(chunk)
        if b"\n" in chunk or b"\r" in chunk:
            lines = b"".join(held).splitlines(keepends=True)
            held = [] if lines[-1].endswith(b"\n") else [lines.pop()]  # after CR, the next chunk may begin with LF
            yield [line for line in lines if line.lstrip(_BLANK)]
    yield [line for line in b"".join(held).splitlines(keepends=True) if line.lstrip(_BLANK)]

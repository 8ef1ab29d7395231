"""How the text of a feed's files is written."""

from __future__ import annotations

import codecs
from dataclasses import replace

from pydantic.dataclasses import dataclass

from headrace.declare.origin import STRICT

UTF_8 = "utf-8"


@dataclass(frozen=True, config=STRICT)
class Csv:
    """Rows of cells, as RFC 4180 has them unless declared otherwise. The first line names the columns.

    Args:
        separator: what stands between two cells.
        quote: what encloses a cell that has separators, quotes or line ends.
        escape: what stands before a quote within a quoted cell. By default the quote itself: it is doubled.
        newlines: whether quoted cells often have line ends. Files land by reference only without, because nobody looks
            for such cells there.
        encoding: the encoding of the text, as Python calls it, such as ``windows-1252`` or ``utf-16``.
    """

    separator: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = UTF_8
    newlines: bool = False

    def __post_init__(self) -> None:
        for name in ("separator", "quote", "escape"):
            value = getattr(self, name)
            if len(value) > 1 or not value.isascii() or value in ("\r", "\n") or not (value or name == "escape"):
                raise ValueError(f"{name} {value!r} is not one ASCII character of a line")
        if self.separator in (self.quote, self.escape):
            raise ValueError(f"separator {self.separator!r} is also the quote or the escape")
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ValueError(f"encoding {self.encoding!r} is unknown to Python, unlike windows-1252") from None

    @property
    def is_utf8(self) -> bool:
        """Whether Spark can read the text as it is."""
        return codecs.lookup(self.encoding).name == UTF_8

    @property
    def name(self) -> str:
        """What a record says of it; empty for what RFC 4180 says."""
        return "" if (same := replace(self, newlines=False)) == Csv() else repr(same)

    @property
    def escapes(self) -> str:
        """What stands before a quote within a quoted cell."""
        return self.escape or self.quote


def csv(
    separator: str = ",", quote: str = '"', escape: str = "", encoding: str = UTF_8, *, newlines: bool = False
) -> Csv:
    """Files of comma-separated values, or of a similar dialect; see `Csv`."""
    return Csv(separator, quote, escape, encoding, newlines)

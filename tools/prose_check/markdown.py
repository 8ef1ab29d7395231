"""Prose in Markdown, and in the Markdown that docstrings and comments are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prose_check.rules import Block

FENCE = re.compile(r"^\s*(```|~~~)")
HEADING = re.compile(r"^#{1,6}\s+")
ITEM = re.compile(r"^(\s*)(?:[-*+]|\d+[.)])\s+")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s")
SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Attributes|Examples?|Notes?):$")
ENTRY = re.compile(r"^\s+(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*(?: \([^)]*\))?:\s+)?")
CELLS = re.compile(r"(?<!\\)\|(?=(?:[^`]*`[^`]*`)*[^`]*$)")


class _Reader:
    """Collects the lines of one block after the other."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def flush(self) -> Iterator[Block]:
        if self.lines:
            yield Block(self.lines[0][0], "\n".join(text for _, text in self.lines))
        self.lines = []


def markdown_blocks(text: str, first: int = 1) -> Iterator[Block]:
    """The blocks of prose of a text whose first line has the number ``first``. Code is left out."""
    reader = _Reader()
    fenced = in_list = in_code = False
    for number, line in enumerate(text.splitlines(), first):
        if FENCE.match(line):
            yield from reader.flush()
            fenced = not fenced
            continue
        if fenced:
            continue
        indented = line.startswith("    ")
        if not line.strip():
            yield from reader.flush()
            in_code = False
            continue
        item = ITEM.match(line)
        if not indented and not item and not reader.lines:
            in_list = line.startswith(" ") and in_list
        starts_code = not reader.lines and indented and not in_list
        if in_code or starts_code or line.lstrip().startswith(">>>"):
            yield from reader.flush()
            in_code = True
        elif line.lstrip().startswith("|"):
            yield from reader.flush()
            yield from _cells(number, line)
        elif HEADING.match(line):
            yield from reader.flush()
            yield Block(number, HEADING.sub("", line))
        elif item:
            yield from reader.flush()
            in_list = True
            reader.lines.append((number, line[item.end() :]))
        elif not REFERENCE.match(line):
            reader.lines.append((number, line.strip().removeprefix("> ")))
    yield from reader.flush()


def docstring_blocks(text: str, first: int) -> Iterator[Block]:
    """The blocks of a docstring. Each entry of ``Args:`` and of its kin is one block, without the argument's name."""
    lines, section = [], False
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if SECTION.match(line):
            section = True
            lines.append("")
        elif section and line.strip() and indent == 0:
            section = False
            lines.append(line)
        elif section and indent == 4:
            lines.append("- " + ENTRY.sub("", line))
        else:
            lines.append(line)
    return markdown_blocks("\n".join(lines), first)


def _cells(number: int, row: str) -> Iterator[Block]:
    for cell in CELLS.split(row.strip().strip("|")):
        if cell.strip(" :-"):
            yield Block(number, cell.strip())

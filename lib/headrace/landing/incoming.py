"""A file in the inbox, which is read only where nothing that landed before tells its content."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.errors import InputNotYetError
from headrace.landing.delivered import Delivered, digest
from headrace.landing.entry import Record
from headrace.storage import Place, local_copy, place, stamp


class Incoming:
    """A file in the inbox with its stamp.

    Args:
        known: files that landed before. If one of them has the stamp of this file, it also has its content.
        copies: takes the local copy of a file in S3.
    """

    def __init__(self, where: Place, known: Iterable[Delivered], copies: ExitStack) -> None:
        self.place, self.name = where, where.name
        self.stamp = stamp(where)
        self._copies = copies
        self._landed = next((file for file in known if self._has_stamp_of(file)), None)

    def _has_stamp_of(self, file: Delivered) -> bool:
        """Whether it is the same file: others may have its size, and have come in the same tick of the clock."""
        same = (file.name, file.bytes, file.stamp) == (self.name, self.stamp.size, self.stamp.mark)
        return same and bool(file.stamp)

    @cached_property
    def copy(self) -> Path:
        """The file on this disk."""
        return self._copies.enter_context(local_copy(self.place))

    @cached_property
    def content(self) -> str:
        """What identifies the content; see ``Delivered.content``."""
        return self._landed.content if self._landed else digest(self.copy)

    def refuse_rewritten(self) -> None:
        """Raise if the file was written since it was found: what was stored then need not be what was inspected.

        Raises:
            InputNotYetError: the file was written, or is gone.
        """
        try:
            now = stamp(place(str(self.place)))  # another path, without what a listing said of it
        except FileNotFoundError:
            now = None
        if now is None or (now.size, now.mark) != (self.stamp.size, self.stamp.mark):
            raise InputNotYetError(f"{self.place} was written while it landed", "Land it once it is delivered whole")


def same_files(found: Iterable[Incoming], record: Record) -> bool:
    """Whether the inbox holds exactly the record's files, under their names."""
    found = list(found)
    return {file.name for file in found} == {file.name for file in record.files} and same_content(found, record)


def same_content(found: Iterable[Incoming], record: Record) -> bool:
    """Whether the inbox holds exactly the record's content."""
    return _compared(found, record, operator.eq)


def is_of(found: Iterable[Incoming], record: Record) -> bool:
    """Whether the inbox holds the record's content, all or some of it, and nothing else."""
    return _compared(found, record, operator.le)


def _compared(found: Iterable[Incoming], record: Record, compare: Callable[[Any, Any], bool]) -> bool:
    """Compare the contents of the inbox and of a record. Sizes are compared first, to save reading large files."""
    found = list(found)
    if not compare(Counter(file.stamp.size for file in found), Counter(file.bytes for file in record.files)):
        return False
    if not all(file.sha256 for file in record.files):  # landed by reference: only S3's ETags tell the content
        return compare(Counter(file.stamp.mark for file in found), Counter(file.stamp for file in record.files))
    return compare(Counter(file.content for file in found), Counter(file.content for file in record.files))

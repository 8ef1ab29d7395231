"""Whether the files of earlier deliveries are still in the raw area."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.errors import MissingInputError
from headrace.landing.entry import Record, folder
from headrace.storage import Place, for_each


def check_files(raw: Place, records: Iterable[Record], hint: str) -> None:
    """Check that the raw area has the files of all records.

    Raises:
        MissingInputError: a file is gone. ``hint`` says what to do instead.
    """
    files = [folder(raw, record.feed, record.day) / file.stored for record in records for file in record.files]
    for file, exists in zip(files, for_each(raw, lambda file: file.is_file(), files), strict=True):
        if not exists:
            raise MissingInputError(f"{file} of an earlier landing is gone", hint)

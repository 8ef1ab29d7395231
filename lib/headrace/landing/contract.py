"""Compare the columns of a delivered file with its feed's contract."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.declare import Contract, Feed
from headrace.errors import BadInputError


def check_columns(feed: Feed, contract: Contract, file: str, columns: Sequence[str]) -> None:
    """Check that the file has the contract's columns, in any order.

    Raises:
        BadInputError: a column appears twice, is missing, or is new and not allowed.
    """
    duplicates = sorted({c for c in columns if list(columns).count(c) > 1})
    if duplicates:
        raise BadInputError(
            f"{file}: columns {', '.join(duplicates)} appear twice", "Ask the feed's owner for one of each"
        )
    wrong = contract.differences(columns, allow_new=feed.new_columns == "allow")
    if wrong:
        raise BadInputError(
            f"{file}: feed {feed.name} has other columns than {feed.columns}: {'; '.join(wrong)}",
            f"Have it delivered as agreed, or change {feed.columns} and land again",
        )

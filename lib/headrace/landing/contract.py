"""Delivered columns against a feed's contract, with the difference spelled out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from headrace.declare import Contract, Feed
from headrace.errors import BadInputError


def check_columns(feed: Feed, contract: Contract, file: str, columns: Sequence[str]) -> None:
    """Raise BadInputError unless the file has the contract's columns, in any order."""
    missing = [c for c in contract.columns if c not in columns]
    extra = [c for c in columns if c not in contract.columns]
    twice = sorted({c for c in columns if list(columns).count(c) > 1})
    if twice:
        raise BadInputError(f"{file}: columns {', '.join(twice)} appear twice", "Ask the feed's owner for one of each")
    if not missing and (not extra or feed.new_columns == "allow"):
        return
    found = []
    for column in missing:
        renamed = difflib.get_close_matches(column, extra, n=1, cutoff=0.6)
        found.append(f"{column!r} is missing" + (f" (renamed to {renamed[0]!r}?)" if renamed else ""))
    found += [f"{column!r} is not in the contract" for column in extra]
    raise BadInputError(
        f"{file}: feed {feed.name} has other columns than {feed.columns}: {'; '.join(found)}",
        f"Have it delivered as agreed, or change {feed.columns} and land again",
    )

"""Look at a table's log: the publications as of its newest commit.

A look costs three requests and one for each commit since the index was written. Requests that do not depend on each
other are sent at the same time. The index is a cache beside the table, which every tenth commit renews. If it is
missing, damaged or of another table, the publications are read from Delta's log again. Commits that are no longer in
the log are read from the statistics of their files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress

from pydantic import ValidationError

from headrace.errors import HeadraceError
from headrace.lake import current
from headrace.lake.commits import LOG, Commit, file_of, parse, version_of
from headrace.lake.publications import TableState
from headrace.storage import Place, both, files_after, for_each, read_tagged, replace_if

INDEX = "_headrace/publications.json"  # Delta and Spark ignore folders whose name begins with an underscore
STALE_COMMITS = 10  # every so many commits, the index is renewed; reading them takes hardly longer than reading one


def look(table: Place, known: TableState | None = None) -> tuple[TableState, list[Commit]]:
    """The state at the newest commit, and the commits that were read to find it.

    Args:
        known: the state that an earlier look of this process found.
    """
    found = _followed(table, known) if known and known.version >= 0 else None
    state, commits = found or _from_index(table)
    if len(commits) > STALE_COMMITS:
        keep_index(table, state)
    return state, commits


def write_index(table: Place, state: TableState) -> None:
    """Keep the state after every tenth commit for later looks."""
    if (state.version + 1) % STALE_COMMITS == 0:
        keep_index(table, state)


def keep_index(table: Place, state: TableState) -> None:
    """Keep a state for later looks, unless a newer one is kept. A failure costs only time."""
    with suppress(HeadraceError, OSError):
        kept = read_tagged(table / INDEX)
        index = _parsed(kept[0]) if kept else TableState()
        if index.table != state.table or index.version < state.version:
            replace_if(table / INDEX, state.model_dump_json().encode(), kept[1] if kept else None)


def _from_index(table: Place) -> tuple[TableState, list[Commit]]:
    kept = read_tagged(table / INDEX)
    state = _parsed(kept[0]) if kept else TableState()
    found = _followed(table, state) if state.version >= 0 else None
    return found or _from_log(table)


def _followed(table: Place, state: TableState) -> tuple[TableState, list[Commit]] | None:
    """The state after the commits that follow it, and these commits.

    None if the state's own commit is not in the log: a table that was dropped and made again has other commits.
    """
    is_current, versions = both(table, lambda: _is_current(table, state), lambda: _versions_after(table, state.version))
    return _after(table, state, _contiguous(state.version + 1, versions)) if is_current else None


def _from_log(table: Place) -> tuple[TableState, list[Commit]]:
    """The state after all commits of the log, and these commits."""
    names = [file.name for file in files_after(table / LOG, "")]
    versions = _versions(names)
    state = current.state(table, names) if versions and versions[0] > 0 else TableState()
    return _after(table, state, _contiguous(state.version + 1, versions))


def _is_current(table: Place, state: TableState) -> bool:
    """Whether the state's newest commit is in the log."""
    with suppress(FileNotFoundError):
        return _digest(file_of(table, state.version).read_bytes()) == state.commit
    return False


def _versions_after(table: Place, version: int) -> list[int]:
    return _versions(file.name for file in files_after(table / LOG, f"{version:020}"))


def _versions(names: Iterable[str]) -> list[int]:
    """The versions whose commits are among the names of the log's files, in order."""
    return sorted(version for name in names if (version := version_of(name)) is not None)


def _contiguous(first: int, versions: Sequence[int]) -> range:
    """The versions from ``first`` on, as far as none is missing."""
    last, found = first, set(versions)
    while last in found:
        last += 1
    return range(first, last)


def _after(table: Place, state: TableState, versions: range) -> tuple[TableState, list[Commit]]:
    contents = for_each(table, lambda version: file_of(table, version).read_bytes(), versions)
    commits = [parse(version, content) for version, content in zip(versions, contents, strict=True)]
    return state.after(commits, _digest(contents[-1]) if contents else ""), commits


def _parsed(content: bytes) -> TableState:
    with suppress(ValidationError):
        return TableState.model_validate_json(content)
    return TableState()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]

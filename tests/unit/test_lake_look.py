"""Publications as Delta's log tells them: with an index, without one, and after commits of others. No Spark."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from deltalake import CommitProperties, Transaction, write_deltalake
from headrace.errors import ArtefactError
from headrace.lake import DayContents
from headrace.lake.commits import WRITER, file_of
from headrace.lake.look import INDEX, keep_index, look
from headrace.lake.publications import PUBLISH_ID, TableState

FIRST, SECOND, THIRD = (dt.date(2026, 1, day) for day in (1, 2, 3))


def publish(table: Path, generation: int, token: str = "", **by_day: str) -> None:
    """Publish days as ``d1="a"``: one row for each day, with its publish id, as Headrace writes it."""
    ids = {dt.date(2026, 1, int(day[1:])): publish_id for day, publish_id in by_day.items()}
    contents = DayContents(ids, dict.fromkeys(ids, 1))
    rows = pa.table({PUBLISH_ID: [*ids.values()], "day": [*ids], "id": pa.array(range(len(ids)), pa.int64())})
    quoted = ", ".join(f"'{day}'" for day in ids)
    new = not (table / "_delta_log").exists()
    write_deltalake(
        str(table),
        rows,
        partition_by=["day"],
        mode="append" if new else "overwrite",  # type: ignore[call-overload]
        predicate=None if new else f"day IN ({quoted})",
        commit_properties=CommitProperties(
            custom_metadata={"userMetadata": contents.as_metadata(token)},
            app_transactions=[Transaction(WRITER, generation)],
        ),
    )


def ids_of(state: TableState) -> dict[dt.date, str]:
    return {day: publication.id for day, publication in state.publications.items()}


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "orders"
    publish(path, 1, "one", d1="a", d2="b")
    return path


def test_a_look_finds_the_newest_publication_of_each_day_and_the_generation(table: Path) -> None:
    publish(table, 2, "two", d2="new", d3="c")
    state, commits = look(table)
    assert ids_of(state) == {FIRST: "a", SECOND: "new", THIRD: "c"}
    assert (state.version, state.generation) == (1, 2)
    assert [commit.token for commit in commits] == ["one", "two"]


def test_a_second_look_reads_only_the_commits_since_the_first(table: Path) -> None:
    known, _ = look(table)
    assert look(table, known) == (known, [])
    publish(table, 2, "two", d3="c")
    state, commits = look(table, known)
    assert ids_of(state) == {FIRST: "a", SECOND: "b", THIRD: "c"}
    assert [commit.token for commit in commits] == ["two"]


def test_an_index_stands_for_the_commits_before_it(table: Path) -> None:
    state, _ = look(table)
    keep_index(table, state)
    publish(table, 2, "two", d3="c")
    found, commits = look(table)
    assert ids_of(found) == {FIRST: "a", SECOND: "b", THIRD: "c"}
    assert [commit.token for commit in commits] == ["two"]


def test_an_older_state_never_replaces_the_index_of_a_newer_one(table: Path) -> None:
    old, _ = look(table)
    publish(table, 2, d3="c")
    new, _ = look(table)
    keep_index(table, new)
    keep_index(table, old)
    assert TableState.model_validate_json((table / INDEX).read_bytes()) == new


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": "x"}', b"\xff"])
def test_a_damaged_index_is_made_again(table: Path, content: bytes) -> None:
    (table / INDEX).parent.mkdir()
    (table / INDEX).write_bytes(content)
    state, _ = look(table)
    assert ids_of(state) == {FIRST: "a", SECOND: "b"}
    keep_index(table, state)
    assert look(table) == (state, [])


def test_the_index_of_a_table_that_was_made_anew_is_not_believed(table: Path) -> None:
    publish(table, 2, d3="c")
    state, _ = look(table)
    for file in table.rglob("*.json"):
        file.unlink()
    for file in table.rglob("*.parquet"):
        file.unlink()
    (table / "_delta_log").rmdir()
    publish(table, 1, d1="other")
    keep_index(table, state)
    assert ids_of(look(table)[0]) == {FIRST: "other"}
    assert ids_of(look(table, state)[0]) == {FIRST: "other"}  # the same process, which knew the old one
    publish(table, 2, d2="others")
    assert ids_of(look(table)[0]) == {FIRST: "other", SECOND: "others"}


def test_days_that_somebody_else_changed_have_no_publication_and_say_why(table: Path) -> None:
    deltalake.DeltaTable(table).delete("day = '2026-01-02'")
    state, _ = look(table)
    assert ids_of(state) == {FIRST: "a"}
    assert state.changes.keys() == {SECOND}
    assert str(state.changes[SECOND]).startswith("DELETE of version 1 on ")
    publish(table, 2, d2="again")
    state, _ = look(table)
    assert (ids_of(state), state.changes) == ({FIRST: "a", SECOND: "again"}, {})


def test_restore_leaves_the_days_that_it_changed_without_a_publication(table: Path) -> None:
    publish(table, 2, d2="new")
    deltalake.DeltaTable(table).restore(0)
    state, _ = look(table)
    assert ids_of(state) == {FIRST: "a"}
    assert state.changes[SECOND].operation == "RESTORE"


def test_an_append_by_somebody_else_changes_only_its_days(table: Path) -> None:
    rows = pa.table({PUBLISH_ID: ["a"], "day": [THIRD], "id": pa.array([7], pa.int64())})
    write_deltalake(str(table), rows, mode="append", partition_by=["day"])
    state, _ = look(table)
    assert ids_of(state) == {FIRST: "a", SECOND: "b"}
    assert state.changes.keys() == {THIRD}


def test_compaction_changes_no_publication(table: Path) -> None:
    publish(table, 2, d1="new")
    before, _ = look(table)
    deltalake.DeltaTable(table).optimize.compact()
    after, _ = look(table)
    assert (after.publications, after.changes) == (before.publications, {})


def test_without_the_first_commits_the_files_tell_the_publish_ids(table: Path) -> None:
    publish(table, 2, d3="c")
    deltalake.DeltaTable(table).create_checkpoint()
    file_of(table, 0).unlink()
    publish(table, 3, d2="new")
    state, commits = look(table)
    assert ids_of(state) == {FIRST: "a", SECOND: "new", THIRD: "c"}
    assert (state.version, state.generation) == (2, 3)
    assert state.publications[FIRST].rows == 1
    assert len(commits) == 1


def test_a_commit_that_only_copies_our_metadata_publishes_nothing(table: Path) -> None:
    """Spark can give each commit of a session the same user metadata, also a RESTORE."""
    publish(table, 2, d1="new")
    path = file_of(table, 1)
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["operation"] = "RESTORE"
    path.write_text("\n".join(map(json.dumps, actions)))
    state, _ = look(table)
    assert ids_of(state) == {SECOND: "b"}
    assert state.changes.keys() == {FIRST}


def test_a_process_that_knew_a_dropped_table_neither_believes_nor_keeps_what_it_knew(table: Path) -> None:
    publish(table, 2, d3="c")
    known, _ = look(table)
    keep_index(table, known)
    for file in [*table.rglob("*.json"), *table.rglob("*.parquet")]:
        if file.name != INDEX.rpartition("/")[2]:
            file.unlink()
    (table / "_delta_log").rmdir()
    publish(table, 1, d1="other")
    publish(table, 2, d2="others")
    state, _ = look(table, known)
    assert ids_of(state) == {FIRST: "other", SECOND: "others"}
    keep_index(table, state)
    assert look(table) == (state, [])


def test_a_log_without_its_first_commit_and_without_a_checkpoint_is_named(table: Path) -> None:
    publish(table, 2, d3="c")
    file_of(table, 0).unlink()
    with pytest.raises(ArtefactError, match="has neither its first commit nor a checkpoint"):
        look(table)

"""Acceptances of code beside a table, and the code that made each published day."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from headrace.days import DayRange
from headrace.errors import ArtefactError, WriteConflictError
from headrace.lake import DayContents
from headrace.lake.acceptances import FOLDER, Acceptance, accept, acceptances
from headrace.lake.commits import parse
from headrace.lake.publications import Publication, TableState

DAY = dt.date(2026, 1, 31)


def acceptance(number: int, reason: str = "release 2") -> Acceptance:
    at = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    days = DayRange(DAY, DAY)
    return Acceptance(number=number, old="a", new="b", days=(days,), compared=(DAY,), reason=reason, by="ann", at=at)


def test_acceptances_are_read_in_order_as_they_were_written(tmp_path: Path) -> None:
    accept(tmp_path, acceptance(1))
    accept(tmp_path, acceptance(2, "release 3"))
    assert acceptances(tmp_path) == [acceptance(1), acceptance(2, "release 3")]


def test_of_two_processes_that_accept_code_at_once_one_is_told_to_run_again(tmp_path: Path) -> None:
    accept(tmp_path, acceptance(1))
    with pytest.raises(WriteConflictError) as refused:
        accept(tmp_path, acceptance(1, "other"))
    assert refused.value.exit_code == 75
    assert acceptances(tmp_path) == [acceptance(1)]


def test_an_acceptance_that_was_changed_afterwards_is_refused(tmp_path: Path) -> None:
    accept(tmp_path, acceptance(1))
    [file] = (tmp_path / FOLDER).glob("*.json")
    file.write_text(file.read_text().replace("release 2", "release 9"))
    with pytest.raises(ArtefactError, match="was changed after it was written"):
        acceptances(tmp_path)


def test_a_publication_says_which_code_made_it() -> None:
    assert published(DayContents({DAY: "id"}, {DAY: 3}, code="c0de").as_metadata()).code == "c0de"


def test_the_code_of_a_commit_that_does_not_say_it_is_empty() -> None:
    old = json.dumps({"headrace": {"token": "", "published": {str(DAY): ["id", 3, 0]}}})
    assert (published(old).id, published(old).code) == ("id", "")


def published(metadata: str) -> Publication:
    """The publication that a commit with this metadata makes."""
    commit = parse(0, json.dumps({"commitInfo": {"operation": "WRITE", "userMetadata": metadata}}).encode())
    return TableState().after([commit], "").publications[DAY]

"""Another try of a training takes the encoder and the shards that the first try completed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from headrace import storage
from headrace.encoding.encoder import Encoder
from headrace.errors import NetworkError
from headrace.registry import loading
from headrace.stages import encoded_windows as windows
from headrace.stages.context import StageContext
from headrace.stages.plan import Plan, plan
from headrace.training.shards import Shards

from tests.support import lakes, rush_lake

MODEL, NETWORK = "rush.busy", "tests.support.rush.network:build"
Try = tuple[Encoder, list[Shards]]


@pytest.fixture
def context(behind: StageContext, tmp_path: Path) -> StageContext:
    return lakes.copy_of(behind, tmp_path)


@pytest.fixture
def planned(context: StageContext) -> Plan:
    model = context.use_case.model(MODEL)
    both_labels = replace(model, label=model.label.table.label("station = 'Abbey'"))
    return plan(context, both_labels, rush_lake.day(5))


@pytest.fixture
def first(context: StageContext, planned: Plan) -> Try:
    return windows.encoded_windows(context, planned, NETWORK)


def no_rows(*_: object) -> None:
    raise AssertionError("the rows are read again")


def test_what_is_complete_is_taken_without_reading_a_row(
    context: StageContext, planned: Plan, first: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "labelled", no_rows)
    assert windows.encoded_windows(context, planned, NETWORK) == first


@pytest.mark.parametrize("lost", ["encoder.json", "*.arrow"])
def test_what_is_lost_is_made_again_with_the_same_contents(
    context: StageContext, planned: Plan, first: Try, lost: str
) -> None:
    folder = context.layout.training(planned.id).folder
    storage.remove(next(iter(sorted(lakes.on_disk(folder).rglob(lost)))))
    assert windows.encoded_windows(context, planned, NETWORK) == first


def test_an_encoder_that_cannot_be_read_is_fitted_again(context: StageContext, planned: Plan, first: Try) -> None:
    (context.layout.training(planned.id).encoder / loading.ENCODER).write_text("{")
    assert windows.encoded_windows(context, planned, NETWORK) == first


def test_a_network_that_failed_its_try_is_tried_again(
    context: StageContext, planned: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with pytest.raises(NetworkError):
            windows.encoded_windows(context, planned, "tests.support.rush.network:missing")

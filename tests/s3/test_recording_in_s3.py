"""A stage ends as it did while S3 is away, and what maintenance finds by age in a bucket."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import nullcontext

import pytest
from headrace import storage
from headrace.commands import Land
from headrace.errors import BadInputError
from headrace.landing import record as landing
from headrace.landing.delivered import Delivered
from headrace.landing.log import Log
from headrace.landing.state import State
from headrace.layout import Layout
from headrace.ledger.record import recorded
from headrace.outcome import Result, write_result
from headrace.stages.retention import KINDS
from headrace.storage import S3Path, client

from tests.support.s3_server import Server


@pytest.mark.parametrize("error", [BadInputError("o.csv is empty"), None])
def test_a_stage_ends_as_it_did_if_its_row_and_its_result_find_no_server(
    error: Exception | None,
    folder: S3Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setenv("HEADRACE_RESULT", str(folder / "result.jsonl"))
    server.stop()
    try:
        with pytest.raises(BadInputError) if error else nullcontext(), recorded(folder / "ledger", Land("2026-01-31")):
            if error:
                raise error
        write_result(Result(stage="land"))
    finally:
        server.start()
    lost = [message.partition(" is lost")[0] for message in caplog.messages if " is lost" in message]
    assert lost == ["the row of land in the ledger", "what land hands on"]
    assert not (folder / "ledger").is_dir()


def test_each_kind_of_old_files_is_found_in_a_bucket(folder: S3Path) -> None:
    layout = Layout(folder)
    day = raw_day(layout)
    trainings, events = layout.trainings, layout.spark_events
    files = [layout.ledger / "a.json", events / "app", layout.results("a"), layout.alerts / "a-1", day / "first.csv"]
    for file in (*files, events / "rolling" / "events_1", trainings / "t" / "shards" / "a"):
        storage.write(file, b"x")
    time.sleep(1.5)
    now = dt.datetime.now(dt.UTC)
    found = {path for kind in KINDS for path in kind.find(layout, now)}
    assert found == {*files, events / "rolling", trainings / "t"}
    assert all(not list(kind.find(layout, now - dt.timedelta(minutes=1))) for kind in KINDS)


def raw_day(layout: Layout) -> S3Path:
    """A landed day whose standing record names ``second.csv``."""
    delivered = Delivered(name="o.csv", bytes=1, sha256="a" * 64, rows=1, columns=("a",), stored="second.csv")
    day, at = dt.date(2026, 1, 31), dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    record = landing.Record(feed="orders", day=day, landed_at=at, source="x", files=(delivered,))
    Log(layout.raw, "orders").append(State(), (record,))
    place = landing.folder(layout.raw, "orders", day)
    storage.write(place / "second.csv", b"x")
    assert isinstance(place, S3Path)
    return place

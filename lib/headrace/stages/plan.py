"""What a training is made from: its windows of days, the rows and labels of each, and the digest of all of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import headrace
from headrace.days import ONE, DayRange
from headrace.declare import Model, resolve
from headrace.errors import MissingLookBackError
from headrace.features.encoder import Encoder
from headrace.lake.publications import path_of, publications
from headrace.lake.read import read
from headrace.stages.job import Job
from headrace.training import shards
from headrace.training.shards import Shards

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Plan:
    """What a training is made from. ``id`` is the digest of all of it: the same id is the same model."""

    model: Model
    on: dt.date
    train: DayRange
    validate: DayRange
    test: DayRange
    pins: dict[str, Any]

    @property
    def id(self) -> str:
        return hashlib.sha256(json.dumps(self.pins, sort_keys=True, default=str).encode()).hexdigest()[:16]

    @property
    def as_of(self) -> dt.datetime:
        """Outcomes count that were known when the day of training ended (UTC)."""
        return dt.datetime.combine(self.on + ONE, dt.time(), dt.UTC)


def plan(job: Job, model: Model, on: dt.date) -> Plan:
    """The windows of a training on a day, and what they are made from.

    Raises:
        MissingLookBackError: days of the windows are not published.
    """
    train, validate, test = model.window.before(on)
    label = model.label.table
    days = DayRange(train.first, test.last)
    ids = {table.name: _published(job, table.name, days) for table in (model.table, label)}
    settings = job.config.training.model_dump(exclude={"start_timeout_seconds", "deadline_minutes"})
    pins = {
        "windows": {"train": str(train), "validate": str(validate), "test": str(test)},
        "publish_ids": {
            name: hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16] for name, found in ids.items()
        },
        "label": f"{label.name}: {model.label.condition}",
        "inputs": [repr(i) for i in model.inputs],
        "network": resolve.digest(job.use_case.package, model.network)[:16],
        "gate": repr(model.gate),
        "training": settings,
        "platform": platform_digest()[:16],
    }
    return Plan(model, on, train, validate, test, pins)


def _published(job: Job, table: str, days: DayRange) -> list[str]:
    published = publications(path_of(job.config.tables, table))
    missing = [day for day in days if day not in published]
    if missing:
        raise MissingLookBackError(
            f"{table} is not published on {len(missing)} of the days {days} that the model is made and tested on",
            f"First run `headrace build {table} --days {missing[0]}..{missing[-1]}`",
        )
    return [published[day].id for day in days]


def platform_digest() -> str:
    """SHA-256 of our own code that decides what a training gives: how rows are encoded, and how ranks learn."""
    package = Path(headrace.__file__).parent
    sha = hashlib.sha256()
    for file in sorted([*(package / "features").glob("*.py"), *(package / "training").glob("*.py")]):
        sha.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()


def labelled(job: Job, planned: Plan, days: DayRange) -> DataFrame:
    """The training frame: features with ``label`` (0 or 1); rows without a label are left out."""
    from pyspark.sql import functions as F

    model, label = planned.model, planned.model.label.table
    features = read(job.spark, job.config.tables, model.table, days, planned.as_of)
    outcomes = read(job.spark, job.config.tables, label, days, planned.as_of)
    labels = outcomes.select(*label.key, F.expr(model.label.condition).cast("int").alias("label"))
    columns = dict.fromkeys([*model.table.key, model.table.day, *model.columns, *model.gate.slices])
    return features.select(*columns).join(labels.filter("label IS NOT NULL"), label.key)


def write_shards(job: Job, planned: Plan, encoder: Encoder, frames: Mapping[DayRange, DataFrame]) -> list[Shards]:
    """The training and the validation days as encoded files; those that are there already are not written again.

    ``frames`` may hold the labelled rows of a window, where they are at hand.
    """
    return [
        shards.write(
            frames.get(window) or labelled(job, planned, window),
            encoder,
            key=planned.model.table.key,
            content=f"{planned.id} {window}",
            folder=job.config.work / "training" / planned.id / "shards",
            seed=job.config.training.seed,
        )
        for window in (planned.train, planned.validate)
    ]

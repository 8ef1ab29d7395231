"""What a training is made from: its windows of days, their rows and labels, and the digest of all of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.code.packages import package_digest
from headrace.days import ONE, DayRange
from headrace.declare import Model, Table, resolve
from headrace.encoding.encoder import Encoder
from headrace.errors import MissingLookBackError
from headrace.stages.as_of import View, look
from headrace.stages.chunks import published_bytes, set_partitions
from headrace.stages.context import StageContext
from headrace.training import shards
from headrace.training.shards import Shards, Target

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Plan:
    """What a training is made from. ``id`` is the digest of all of it: the same id means the same model."""

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
        """The end of the day of training (UTC). Only what was known and had landed by then counts."""
        return _end_of(self.on)


def plan(context: StageContext, model: Model, on: dt.date) -> Plan:
    """The windows of a training on a day, and what they are made from.

    Raises:
        MissingLookBackError: days of the windows are not published.
    """
    train, validate, test = model.window.before(on)
    label = model.label.table
    days = DayRange(train.first, test.last)
    look(context, model.table, label)
    ids = {table.name: _publish_ids(context, table, days, _end_of(on)) for table in (model.table, label)}
    settings = context.config.training.model_dump(exclude={"start_timeout_seconds", "deadline_minutes"})
    pins = {
        "windows": {"train": str(train), "validate": str(validate), "test": str(test)},
        "publish_ids": {
            name: hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16] for name, found in ids.items()
        },
        "label": f"{label.name}: {model.label.condition}",
        "inputs": [repr(i) for i in model.inputs],
        "network": resolve.digest(context.use_case.package, model.network)[:16],
        "gate": repr(model.gate),
        "training": settings,
        "platform": package_digest("headrace.encoding", "headrace.training")[:16],
    }
    return Plan(model, on, train, validate, test, pins)


def _end_of(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day + ONE, dt.time(), dt.UTC)


def _publish_ids(context: StageContext, table: Table, days: DayRange, as_of: dt.datetime) -> list[str]:
    published = View.of(context, table, as_of).ids(table, days)
    missing = [day for day in days if day not in published]
    if missing:
        raise MissingLookBackError(
            f"{table.name} is not published on {len(missing)} of the days {days} that the training needs",
            f"First run `headrace build {table.name} --days {missing[0]}..{missing[-1]}`",
        )
    return [published[day] for day in days]


def labelled(context: StageContext, planned: Plan, days: DayRange) -> DataFrame:
    """The training frame: features with ``label`` (0 or 1), without the rows that have no label.

    Corrections that landed after the training's instant do not show.
    """
    from pyspark.sql import functions as F

    model, label = planned.model, planned.model.label.table
    set_partitions(context, sum(published_bytes(context, table, days) for table in (model.table, label)))
    features, outcomes = (
        View.of(context, table, planned.as_of).rows(table, days).filter(F.col(table.known_at) <= F.lit(planned.as_of))
        for table in (model.table, label)
    )
    labels = outcomes.select(*label.key, F.expr(model.label.condition).cast("int").alias("label"))
    columns = dict.fromkeys([*model.table.key, model.table.day, *model.columns, *model.gate.slices])
    return features.select(*columns).join(labels.filter("label IS NOT NULL"), label.key)


def write_shards(
    context: StageContext, planned: Plan, encoder: Encoder, frames: Mapping[DayRange, DataFrame]
) -> list[Shards]:
    """The training and the validation days as encoded files; existing files are not written again.

    ``frames`` may hold the labelled rows of a window that the caller has already.
    """
    return [
        shards.kept(encoder, target)
        or shards.write(frames.get(window) or labelled(context, planned, window), encoder, target)
        for window, target in _targets(context, planned).items()
    ]


def kept_shards(context: StageContext, planned: Plan, encoder: Encoder) -> list[Shards] | None:
    """The files of `write_shards`, if an earlier try wrote all of them."""
    found = [shards.kept(encoder, target) for target in _targets(context, planned).values()]
    complete = [files for files in found if files is not None]
    return complete if len(complete) == len(found) else None


def _targets(context: StageContext, planned: Plan) -> dict[DayRange, Target]:
    key, seed = tuple(planned.model.table.key), context.config.training.seed
    folder = context.layout.training(planned.id).shards
    return {window: Target(f"{planned.id} {window}", key, seed, folder) for window in (planned.train, planned.validate)}

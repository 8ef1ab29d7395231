"""The real year in a lake below ``build/bench`` that the benchmarks share. It is built once, and then only read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from headrace.commands import Build, Land
from headrace.config import ConfigSource
from headrace.days import DayRange
from headrace.declare import Days, Gate, resolve
from headrace.stages.context import StageContext, open_context
from headrace.stages.runner import run_stage
from headrace.storage import Place

ROOT = Path("build/bench")
YEAR = DayRange.parse("2013-01-01..2013-12-31")
LEGS, OUTCOMES, FEATURES, MODEL = "flights.legs", "flights.outcomes", "flights.features", "flights.late15"


def on_disk(place: Place) -> Path:
    """The same place as a path: the benchmarks' lake is on this machine."""
    assert isinstance(place, Path)
    return place


def local_context(root: Path = ROOT) -> StageContext:
    """The use case in the local environment, with everything kept below ``root``."""
    opened = open_context(ConfigSource("local", root=str(root)))
    return StageContext(opened.config.model_copy(update={"inbox": root / "inbox"}), opened.use_case)


def with_model(context: StageContext, window: Days, gate: Gate, **training: int) -> StageContext:
    """The same lake, whose model has another window, gate and settings of the training."""
    model = dataclasses.replace(context.use_case.model(MODEL), window=window, gate=gate)
    use_case = dataclasses.replace(context.use_case, models={MODEL: model})
    settings = context.config.training.model_copy(update=training)
    return StageContext(context.config.model_copy(update={"training": settings}), use_case)


def year_built(root: Path = ROOT, days: DayRange = YEAR, table: str = FEATURES) -> StageContext:
    """Land the days, and build a table and what it reads; days that are up to date stay as they are."""
    context = local_context(root)
    resolve.function(context.use_case.package, "source:deliver")(context.config.inbox)
    run_stage(context, Land(str(days)))
    run_stage(context, Build(table, str(days)))
    return context

"""An untrained network as champion. Its quality does not matter to a test that only scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.days import DayRange
from headrace.encoding.encoder import Encoder
from headrace.registry import promotions, verdicts
from headrace.registry.versions import Version, register
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def make_champion(
    context: StageContext, name: str, build: Callable[[Encoder], Any], days: DayRange, spark: SparkSession,
    folder: Path, *, trained_on: dt.date, seed: int = 1,
) -> Version:  # fmt: skip
    """Register and promote a version of the model ``name``, and return it.

    Its encoder is fitted on ``days`` of the model's table, and ``folder`` takes its files. It says that it was trained
    as on ``trained_on``, with the windows that the model declares. Versions of other seeds have other weights.
    """
    import keras

    model, models = context.use_case.model(name), context.layout.models
    encoder = Encoder.fit(context.table(model.table).read(spark, days), model.inputs, folder)
    keras.utils.set_random_seed(seed)
    build(encoder).save(folder / "model.keras")
    (folder / "encoder.json").write_text(encoder.to_json())
    windows = zip(("train", "validate", "test"), map(str, model.window.before(trained_on)), strict=True)
    pins = {"training_id": str(seed), "trained_on": str(trained_on), "windows": dict(windows)}
    version = register(models, name, folder, pins)
    before = promotions.champion(models, name)
    verdicts.record_verdict(version, {}, passed=True, sentence="it is only a test", champion=before)
    promotions.promote(models, name, version.number, reason="a test")
    return version

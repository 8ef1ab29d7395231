"""An untrained network as champion. Its quality does not matter to a test that only scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.days import DayRange
from headrace.encoding.encoder import Encoder
from headrace.registry import promotions, verdicts
from headrace.registry.versions import register
from headrace.stages.context import StageContext

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def make_champion(
    context: StageContext, name: str, build: Callable[[Encoder], Any], days: DayRange, spark: SparkSession, folder: Path
) -> None:
    """Register and promote a version of the model ``name``.

    Its encoder is fitted on ``days`` of the model's table, and ``folder`` takes its files.
    """
    import keras

    model = context.use_case.model(name)
    encoder = Encoder.fit(context.table(model.table).read(spark, days), model.inputs)
    keras.utils.set_random_seed(1)
    build(encoder).save(folder / "model.keras")
    (folder / "encoder.json").write_text(encoder.to_json())
    version = register(context.layout.models, name, folder, {"training_id": "a"})
    verdicts.record_verdict(version, {}, passed=True, sentence="it is only a test", champion=None)
    promotions.promote(context.layout.models, name, version.number, reason="a test")

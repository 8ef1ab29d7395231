"""P4: rows scored a second, beside the same model through Spark's own ``predict_batch_udf``.

Both read the same Parquet files in the same session and write to a noop sink, in turns. Their workers have loaded the
model before. Ours also adds the model and the publish id to each row; the peer only adds the score. The best of the
peer's batch sizes counts.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedNumber
from headrace.registry import loading
from headrace.registry.versions import Version, register
from headrace.scoring.batch import scores

from bench.lake import local_context
from bench.result import Result, cores
from bench.turns import in_turns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

ROWS = 2_400_000
TURNS = 5
AIM = 1.2
DAYS = 30
PEER_BATCHES = (4096, 16384, 65536)
CATEGORIES = {"carrier": 16, "origin": 3, "dest": 105, "weekday": 7, "route": 300, "plane": 4000}
NUMBERS = [f"number_{n}" for n in range(26)]
KEY = ["flight_date", "flight"]


def run(rows: int = ROWS, turns: int = TURNS) -> Result:
    """Measure; rates are medians."""
    spark = local_context().spark
    with tempfile.TemporaryDirectory() as folder:
        version = _model(Path(folder))
        frame = _features(spark, Path(folder), rows)
        days = [row.flight_date for row in frame.select("flight_date").distinct().collect()]
        ours = scores(frame, version, key=KEY, day="flight_date", publish_ids={day: f"p{day}" for day in days})
        peers = {
            f"peer {size}": frame.select(*KEY, "known_at", _peer(version, size)(*CATEGORIES, *NUMBERS).alias("score"))
            for size in PEER_BATCHES
        }
        for peer in peers.values():
            _assert_same(ours, peer)
        timed = in_turns({name: _scored(frame) for name, frame in {"ours": ours, **peers}.items()}, turns)
    best = min(peers, key=lambda name: timed[name].median)
    ratio = timed[best].median / timed["ours"].median
    return Result(
        id="P4",
        what="scoring, workers warm / the same model through predict_batch_udf",
        ours=round(rows / timed["ours"].median),
        peer=round(rows / timed[best].median),
        unit="rows/s",
        ratio=round(ratio, 3),
        aim=f">= {AIM}",
        met=ratio >= AIM,
        cores=cores(),
        rows=rows,
        peer_batch_size=int(best.removeprefix("peer ")),
        seconds={name: times.rounded for name, times in timed.items()},
    )


def _scored(frame: DataFrame) -> Callable[[], None]:
    return lambda: frame.write.format("noop").mode("overwrite").save()


def _model(folder: Path) -> Version:
    """The reference network with untrained weights: they cost as much as trained ones."""
    import keras
    from flights.network import build

    categories = [
        FittedCategory(column=name, vocabulary=tuple(sorted(str(n) for n in range(size))))
        for name, size in CATEGORIES.items()
    ]
    numbers = [FittedNumber(column=name, mean=50.0, std=30.0, clip=5.0) for name in NUMBERS]
    encoder = Encoder(inputs=(*categories, *numbers))
    keras.utils.set_random_seed(1)
    trained = folder / "trained"
    trained.mkdir()
    build(encoder).save(trained / "model.keras")
    (trained / "encoder.json").write_text(encoder.to_json())
    return register(folder / "models", "bench.late", trained, {"training_id": "p4"})


def _features(spark: SparkSession, folder: Path, rows: int) -> DataFrame:
    """Rows with 6 text categories and 26 doubles; one value in twenty is missing."""
    from pyspark.sql import functions as F

    def drawn(seed: int, size: int) -> Column:
        return F.when(F.pmod("id", F.lit(20)) != seed % 20, F.rand(seed) * size)

    words = enumerate(CATEGORIES.items(), start=len(NUMBERS))
    texts = [drawn(seed, size + 1).cast("int").cast("string").alias(name) for seed, (name, size) in words]
    doubles = [drawn(seed, 100).alias(name) for seed, name in enumerate(NUMBERS)]
    day = F.date_add(F.lit("2013-01-01").cast("date"), F.pmod("id", F.lit(DAYS)).cast("int")).alias("flight_date")
    known_at = F.timestamp_seconds(F.lit(1_356_998_400) + F.col("id") % 86400).alias("known_at")
    path = str(folder / "features")
    features = spark.range(0, rows, numPartitions=8).select(
        day, F.col("id").alias("flight"), known_at, *texts, *doubles
    )
    features.write.parquet(path)
    return spark.read.parquet(path)


def _peer(version: Version, batch_size: int) -> Callable[..., Column]:
    """The same files, encoder and compiled network, through ``predict_batch_udf``."""
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql.types import DoubleType

    load, columns = loading.loader(version.path), [*CATEGORIES, *NUMBERS]

    def make() -> Callable[..., np.ndarray]:
        predictor = load()

        def predict(*arrays: np.ndarray) -> np.ndarray:
            return predictor(pa.RecordBatch.from_arrays([pa.array(a, from_pandas=True) for a in arrays], columns))

        # Spark counts the function's parameters to decide how to pass the columns.
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in columns]
        predict.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return predict

    return predict_batch_udf(make, return_type=DoubleType(), batch_size=batch_size)


def _assert_same(ours: DataFrame, peer: DataFrame) -> None:
    """Check that both give the same scores; otherwise the comparison is meaningless."""
    both = ours.alias("ours").join(peer.alias("peer"), KEY).where("flight < 10000")
    count, worst = both.selectExpr("count(*)", "max(abs(ours.score - peer.score))").first()  # type: ignore[misc]
    assert count == 10000, count
    assert worst < 1e-6, worst

"""Scores of many rows: each Spark worker loads the verified model once, and each row says what scored it."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T

from headrace.errors import ArtefactError
from headrace.features.encoder import Encoder
from headrace.registry import loading, manifest
from headrace.storage import Place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from headrace.registry.versions import Version

SCORE = "score"


def scores(
    features: DataFrame,
    version: Version,
    *,
    key: Sequence[str],
    day: str,
    publish_ids: Mapping[dt.date, str],
    known_at: str = "known_at",
) -> DataFrame:
    """The probability of the label for each row of ``features``, and where it comes from.

    Args:
        features: the model's table; other columns than the encoder's, the key, the day and ``known_at`` are not read.
        version: the model; its folder must be readable where Spark's workers run.
        publish_ids: for each day of ``features``, what was published. A row of another day fails the job.
        known_at: the column with the instant as of which a row's features are, and so its score.

    Returns:
        The key columns, the day, ``score`` (double, 0 to 1), ``model``, ``model_version``, ``model_digest``,
        ``features_publish_id`` and ``known_at``.

    Raises:
        ArtefactError: a file of the version is not what its manifest says, in the driver or, as the job's error, in a
            worker.
    """
    encoder = Encoder.from_json(manifest.read(version.path, loading.ENCODER).decode())
    kept = list(dict.fromkeys([*key, day, known_at]))
    pruned = features.select(*dict.fromkeys([*kept, *encoder.columns]))
    schema = T.StructType([*pruned.select(*kept).schema, T.StructField(SCORE, T.DoubleType(), nullable=False)])
    scored = pruned.mapInArrow(_scorer(version.path, version.digest, kept), schema)
    missing = F.raise_error(F.concat(F.lit("the features have no publish id on "), F.col(day).cast("string")))
    return scored.join(F.broadcast(_published(features, day, publish_ids)), day, "left").select(
        *kept[: kept.index(known_at)],
        SCORE,
        F.lit(version.model).alias("model"),
        F.lit(version.number).cast("int").alias("model_version"),
        F.lit(version.digest).alias("model_digest"),
        F.coalesce("features_publish_id", missing.cast("string")).alias("features_publish_id"),
        known_at,
    )


def _published(features: DataFrame, day: str, publish_ids: Mapping[dt.date, str]) -> DataFrame:
    """One row a day, to be joined: a map literal would be searched from its beginning for each row."""
    schema = T.StructType([T.StructField(day, T.DateType()), T.StructField("features_publish_id", T.StringType())])
    return features.sparkSession.createDataFrame(sorted(publish_ids.items()), schema)


def _scorer(
    folder: Place, digest: str, kept: Sequence[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a worker does with its batches: the kept columns pass through, and the score is added."""

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        predict = predictor(folder, digest)
        for batch in batches:
            columns = [batch.column(name) for name in kept]
            yield pa.RecordBatch.from_arrays([*columns, pa.array(predict(batch))], [*kept, SCORE])

    return score


@functools.lru_cache(maxsize=2)
def predictor(folder: Place, digest: str) -> loading.Predictor:
    """The model in ``folder``, loaded once in this process: Spark keeps its workers from one task to the next.

    Raises:
        ArtefactError: the folder holds another version than the driver's, or a changed file.
    """
    model = loading.load(folder)
    if model.digest != digest:
        raise ArtefactError(
            f"{folder} has digest {model.digest[:12]} here, and {digest[:12]} in the driver",
            "Workers and driver must see the same files",
        )
    return model.predict

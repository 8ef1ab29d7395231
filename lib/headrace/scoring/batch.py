"""Score a table with one registered version; each row names the version and the features that its score comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql import types as T

from headrace.encoding.encoder import Encoder
from headrace.registry import loading, manifest
from headrace.scoring.prediction import with_scores

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
        features: the model's table. Only the encoder's columns, the key, the day and ``known_at`` are read.
        version: the model. Spark's workers must be able to read its folder.
        key: the key columns of the table of scores.
        day: the column with the business day.
        publish_ids: the publish id of each day of ``features``. A row of any other day fails the job.
        known_at: the column with the instant at which a row's features, and so its score, could be known.

    Returns:
        The key columns, the day, ``score`` (double, 0 to 1), ``model``, ``model_version``, ``model_digest``,
        ``features_publish_id`` and ``known_at``.

    Raises:
        ArtefactError: a file of the version does not match its manifest. In a worker, it is the cause of the job's
            error.
    """
    encoder = Encoder.from_json(manifest.read(version.path, loading.ENCODER).decode())
    kept = list(dict.fromkeys([*key, day, known_at]))
    pruned = features.select(*dict.fromkeys([*kept, *encoder.columns]))
    scored = with_scores(pruned, {SCORE: loading.loader(version.path, digest=version.digest)}, kept)
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
    """The publish ids as a frame, one row a day. A join is faster than a map literal, which Spark would search."""
    schema = T.StructType([T.StructField(day, T.DateType()), T.StructField("features_publish_id", T.StringType())])
    return features.sparkSession.createDataFrame(sorted(publish_ids.items()), schema)

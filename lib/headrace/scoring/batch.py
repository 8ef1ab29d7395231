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

SCORE, FEATURES_ID, WINDOW = "score", "features_publish_id", "model_window"


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
        ``features_publish_id``, ``known_at`` and ``model_window``: which of the version's own windows the row lies in
        (``train``, ``validate`` or ``test``), null outside of them.

    Raises:
        ArtefactError: a file of the version does not match its manifest. In a worker, it is the cause of the job's
            error.
    """
    encoder = Encoder.from_json(manifest.read(version.path, loading.ENCODER).decode())
    kept = list(dict.fromkeys([*key, day, known_at]))
    pruned = features.select(*dict.fromkeys([*kept, *encoder.columns]))
    scored = with_scores(pruned, {SCORE: loading.loader(version.path, digest=version.digest)}, kept)
    missing = F.raise_error(F.concat(F.lit("the features have no publish id on "), F.col(day).cast("string")))
    return scored.join(F.broadcast(_by_day(features, day, publish_ids, version)), day, "left").select(
        *kept[: kept.index(known_at)],
        SCORE,
        F.lit(version.model).alias("model"),
        F.lit(version.number).cast("int").alias("model_version"),
        F.lit(version.digest).alias("model_digest"),
        F.coalesce(FEATURES_ID, missing.cast("string")).alias(FEATURES_ID),
        known_at,
        WINDOW,  # the last one, as in a table that had scores before there was this column
    )


def _by_day(features: DataFrame, day: str, publish_ids: Mapping[dt.date, str], version: Version) -> DataFrame:
    """Publish id and window of each day, as a frame. A join is faster than a map literal, which Spark would search."""
    texts = [T.StructField(name, T.StringType()) for name in (FEATURES_ID, WINDOW)]
    rows = [(on, publish_id, version.window_of(on)) for on, publish_id in sorted(publish_ids.items())]
    return features.sparkSession.createDataFrame(rows, T.StructType([T.StructField(day, T.DateType()), *texts]))

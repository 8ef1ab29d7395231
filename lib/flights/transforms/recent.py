"""What happened in the hours before an instant: events looked up as of each flight's cut-off."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

DAY = 86_400


def with_recent(
    flights: DataFrame, events: DataFrame, by: str, seconds: int, figures: Mapping[str, Column]
) -> DataFrame:
    """Add to each flight figures over the events of its group in the ``seconds`` up to its ``known_at``.

    Args:
        flights: has ``known_at``, ``id`` (unique) and the column ``by``.
        events: has ``at`` (timestamp), ``by`` and ``value``.
        figures: new column to an aggregate of ``value`` and ``at`` (seconds since 1970).

    Both are put on one line of time and an aggregate slides over it. Each group is cut into days, and an
    event is copied into the next day where it still counts there: a few large groups do not make a few large tasks.
    """
    queries = flights.select("id", by, F.unix_seconds("known_at").alias("at"))
    line = (
        events.select(by, F.unix_seconds("at").alias("at"), F.col("value").cast("double").alias("value"))
        .withColumn("bucket", F.explode(F.sequence(F.floor(F.col("at") / DAY), F.floor((F.col("at") + seconds) / DAY))))
        .unionByName(queries.withColumn("bucket", F.floor(F.col("at") / DAY)), allowMissingColumns=True)
        .filter(F.col(by).isNotNull())
    )
    window = Window.partitionBy(by, "bucket").orderBy("at").rangeBetween(-seconds, 0)
    looked_up = line.select("id", *[figure.over(window).alias(name) for name, figure in figures.items()])
    return flights.join(looked_up.filter("id IS NOT NULL"), "id", "left")

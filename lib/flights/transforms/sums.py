"""What happened before a flight's cut-off, in two ways.

Events that many flights see are added up by group and moment first: ``sums_before`` gives a small table, which the
flights join. What few flights see, such as the events of one aircraft, lies between the flights: see ``among``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def sums_before(
    line: DataFrame,
    by: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    values: Sequence[str],
    frames: Mapping[str, tuple[int, int]],
) -> DataFrame:
    """``<group>_<value>_<frame>`` for each moment that a flight asks about; null where nothing happened.

    Args:
        line: events and questions. It has ``at`` (a moment, as a whole number), ``asked`` (true for a question), the
            columns in ``by``, and ``values`` (null for a question).
        by: the table has a row for each combination of these columns at each moment.
        groups: a name to the columns in ``by`` that make the group; no columns: one group of all.
        values: the columns to add up: whole numbers, so that the order of rows makes no difference.
        frames: a name to the first and the last moment that count, seen from the flight's own.
    """
    moments = line.groupBy(*by, "at").agg(F.max("asked").alias("asked"), *[F.sum(v).alias(v) for v in values])
    sums = [
        F.sum(value).over(Window.partitionBy(*columns).orderBy("at").rangeBetween(*frame)).alias(f"{g}_{value}_{name}")
        for g, columns in groups.items()
        for name, frame in frames.items()
        for value in values
    ]
    return moments.select(*by, "at", "asked", *sums).filter("asked").drop("asked")


def among(events: DataFrame, flights: DataFrame) -> DataFrame:
    """Flights and events in one frame: a flight has ``asks``, and null in the events' own columns."""
    return flights.withColumn("asks", F.lit(True)).unionByName(events, allowMissingColumns=True)

"""Sums of what happened before: for each flight, over the events of its groups in stretches of time up to a moment.

Events of the same moment are added up first. Windows therefore run over few rows, however many events there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

Groups = Mapping[str, Sequence[str]]
Frames = Mapping[str, tuple[int, int]]


def with_sums(
    flights: DataFrame, asked: DataFrame, events: DataFrame, groups: Groups, values: Sequence[str], frames: Frames
) -> DataFrame:
    """Add ``<group>_<value>_<frame>`` for each group, value and frame; 0 or null where nothing happened.

    The groups share one table of sums, with a row for each combination of their columns at each moment.

    Args:
        flights: has ``at`` (a moment, as a whole number) and the groups' columns.
        asked: has the same moments and groups, and costs less to compute than ``flights``.
        events: has ``at``, the groups' columns and ``values``.
        groups: a name to the columns that make the group; no columns: one group of all.
        values: the columns to add up: whole numbers, so that the order of rows makes no difference.
        frames: a name to the first and the last moment that count, seen from the flight's own.
    """
    by = [*dict.fromkeys(column for columns in groups.values() for column in columns), "at"]
    questions = asked.select(*by).withColumn("asked", F.lit(True))
    line = events.select(*by, *values).unionByName(questions, allowMissingColumns=True)
    moments = line.groupBy(*by).agg(F.max("asked").alias("asked"), *[F.sum(value).alias(value) for value in values])
    sums = [
        F.sum(value).over(_along(columns).rangeBetween(*frame)).alias(f"{group}_{value}_{name}")
        for group, columns in groups.items()
        for name, frame in frames.items()
        for value in values
    ]
    return flights.join(moments.select(*by, "asked", *sums).filter("asked").drop("asked"), by, "left")


def _along(columns: Sequence[str]) -> WindowSpec:
    """The moments of a group in their order."""
    group: Sequence[str | Column] = columns or [F.lit(0)]  # without any, Spark would put all groups into one task
    return Window.partitionBy(*group).orderBy("at")

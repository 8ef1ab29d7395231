"""Sums of what happened before: for each flight, over the events of its groups in stretches of time up to a point.

One pass answers all groups. Questions and events lie on one line of time for each group, and sums run along it. Events
of the same moment are added up first. Each question is asked once, however many flights ask it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

Groups = Mapping[str, Sequence[str]]
Frames = Mapping[str, tuple[int, int]]


def with_sums(
    flights: DataFrame, events: DataFrame, groups: Groups, values: Sequence[str], frames: Frames, bucket: int
) -> DataFrame:
    """Add ``<group>_<value>_<frame>`` for each group, value and frame; 0 or null where nothing happened.

    Args:
        flights: has ``id`` (unique), ``at`` (whole number on the line of time) and the groups' columns.
        events: has ``at``, the columns in ``values`` (numbers), and the columns of its groups.
        groups: a name to the columns that make the group; no columns: one group of all.
        values: what is summed: whole numbers, so that subtraction leaves no rounding error.
        frames: a name to the first and the last ``at`` that count, seen from the flight's own.
        bucket: the units of ``at`` after which a group's line is cut, so that large groups do not make large tasks.
            An event is copied into the next piece if it still counts there.
    """
    reach = -min(first for first, _ in frames.values())
    questions = flights.select("id", "at", _keys(groups))
    happened = (
        events.select("at", *values, _keys(groups)).groupBy("key", "at").agg(*[F.sum(v).alias(v) for v in values])
    )
    pieces = F.sequence(F.floor(F.col("at") / bucket), F.floor((F.col("at") + reach) / bucket))
    asked = questions.select("key", "at").distinct().withColumn("asked", F.lit(True))
    line = _changes(happened.withColumn("piece", F.explode(pieces)), values, frames).unionByName(
        asked.withColumn("piece", F.floor(F.col("at") / bucket)), allowMissingColumns=True
    )
    names = [f"{value}_{name}" for name in frames for value in values]
    along = Window.partitionBy("key", "piece").orderBy("at")  # up to and with the rows of the same moment
    sums = [F.sum(name).over(along).alias(name) for name in names]
    answers = line.select("key", "at", "asked", *sums).filter("asked").drop("asked")
    answered = (
        questions.join(answers, ["key", "at"])
        .withColumn("group", F.substring_index("key", "|", 1))
        .groupBy("id")
        .agg(*[_of(group, name) for group in groups for name in names])
    )
    return flights.join(answered, "id", "left")


def _changes(happened: DataFrame, values: Sequence[str], frames: Frames) -> DataFrame:
    """What an event adds to the sum of each frame as it comes into sight, and takes away again as it leaves.

    A running sum over these is the sum of the frame, whatever its length, in one step a row.
    """

    def change(name: str, at: int, sign: int) -> Column:
        of_frame = {f"{v}_{n}": (sign * F.col(v) if n == name else F.lit(0)) for n in frames for v in values}
        return F.struct((F.col("at") + at).alias("at"), *[column.alias(c) for c, column in of_frame.items()])

    changes = [
        change(name, at, sign) for name, (first, last) in frames.items() for at, sign in ((-last, 1), (1 - first, -1))
    ]
    return happened.select("key", "piece", F.inline(F.array(*changes)))


def _keys(groups: Groups) -> Column:
    """A row for each group that a row belongs to: its name and the values of its columns; not where one is null."""
    keys = [
        F.concat(
            F.lit(f"{name}|"), *[part for column in columns for part in (F.col(column).cast("string"), F.lit("|"))]
        )
        for name, columns in groups.items()
    ]
    return F.explode(F.array_compact(F.array(*keys))).alias("key")


def _of(group: str, name: str) -> Column:
    return F.max(F.when(F.col("group") == group, F.col(name))).alias(f"{group}_{name}")

"""Count scores on Spark. The size of the result depends on days, slices and bins, not on rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from headrace.errors import GateRefusedError, TrainingDivergedError

F64 = npt.NDArray[np.float64]
Group = tuple[str, str, str]  # model, slice's column, slice's value; the last two are empty for all rows

BINS = 1024
SLICE_BINS = 256  # coarser, because there are many slices: every fourth edge of the above
LOG_ODDS = 10.0
"""Bins have equal width in log-odds between -10 and 10 (probabilities 0.00005 to 0.99995). Rare and common events thus
get equally fine bins. The first and the last bin also count the scores beyond that range."""

SMALLEST = float(np.finfo(np.float64).eps)  # a probability of exactly 0 or 1 would make the log loss infinite


def bin_edges() -> F64:
    """The probabilities [BINS + 1] between which the bins lie, from 0 to 1."""
    edges: F64 = 1 / (1 + np.exp(-np.linspace(-LOG_ODDS, LOG_ODDS, BINS + 1)))
    edges[0], edges[-1] = 0.0, 1.0
    return edges


@dataclass(frozen=True)
class Histogram:
    """One model's scores by day and bin, the lowest scores first.

    Args:
        negatives: rows with label 0 [days, BINS].
        positives: rows with label 1 [days, BINS].
        probability: the sum of the probabilities of the rows of both labels [days, BINS].
        loss: the sum of the rows' log losses, in nats [days].
    """

    negatives: F64
    positives: F64
    probability: F64
    loss: F64


@dataclass(frozen=True)
class Histograms:
    """The histograms of all models, over all rows and over each slice with enough positives."""

    days: tuple[dt.date, ...]
    models: tuple[str, ...]
    cells: dict[Group, pd.DataFrame]

    def of(self, model: str, column: str = "", value: str = "") -> Histogram:
        """The histogram of one model over the rows where ``column`` is ``value``; without a column, over all rows."""
        cells = self.cells[model, column, value]
        where = np.searchsorted(pd.DatetimeIndex(self.days), cells["day"]), cells["bin"].to_numpy()
        shape = len(self.days), BINS
        negatives, positives, probability, loss = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
        negatives[where] = cells["rows"] - cells["positives"]
        positives[where] = cells["positives"]
        probability[where] = cells["probability"]
        loss[where] = cells["loss"]
        return Histogram(negatives, positives, probability, loss.sum(axis=1))

    @property
    def slices(self) -> list[tuple[str, str]]:
        """Column and value of each slice, sorted."""
        return sorted({(column, value) for _, column, value in self.cells if column})


def score_column(model: str) -> str:
    """The column of a frame that holds the scores of ``model``."""
    return f"p_{model}"


def counted(
    scores: DataFrame,
    models: Sequence[str],
    day: str,
    *,
    slices: Sequence[str] = (),
    sliced: Sequence[str] = (),
    min_positives: int = 1,
) -> Histograms:
    """Count scored rows by model, day and bin.

    Args:
        scores: the columns ``label`` (0 or 1), ``day``, ``slices``, and `score_column` for each model.
        models: the models to count.
        day: the column with the day.
        slices: columns. The rows of each of their values are also counted separately, a null as ``(missing)``.
        sliced: the models whose slices are counted.
        min_positives: a slice with fewer positives, or without negatives, is left out.

    Raises:
        TrainingDivergedError: a model gave a score that is not a probability.
        GateRefusedError: there are no rows, or all rows have the same label.
    """
    views = [
        F.struct(
            F.lit(model).alias("model"),
            F.col(score_column(model)).alias("p"),
            F.lit(column).alias("column"),
            (F.coalesce(F.col(column).cast("string"), F.lit("(missing)")) if column else F.lit("")).alias("value"),
        )
        for model in models
        for column in ("", *(slices if model in sliced else ()))
    ]
    seen = scores.select(F.col(day).alias("day"), "label", F.explode(F.array(*views)).alias("view"))
    rows = seen.select("day", "label", "view.*").withColumn("bin", _bin(F.col("p"), F.col("column")))
    cells = rows.groupBy("model", "column", "value", "day", "bin").agg(
        F.count("*").alias("rows"),
        F.sum("label").cast("bigint").alias("positives"),
        F.sum("p").alias("probability"),
        F.sum(_log_loss(F.col("p"), F.col("label"))).alias("loss"),
    )
    group = Window.partitionBy("model", "column", "value")
    positives, negatives = F.sum("positives").over(group), F.sum(F.col("rows") - F.col("positives")).over(group)
    enough = (F.col("column") == "") | ((positives >= min_positives) & (negatives > 0))
    counts = cells.withColumn("enough", enough).where("enough").drop("enough").orderBy(*cells.columns[:5])
    return _checked(counts.toArrow().to_pandas(strings_to_categorical=True, date_as_object=False), models)


def _bin(p: Column, column: Column) -> Column:
    """The bin of a probability; -1 for any other number."""
    q = F.greatest(F.lit(SMALLEST), F.least(p, F.lit(1 - SMALLEST)))
    fine = F.floor((F.ln(q / (1 - q)) + LOG_ODDS) * (BINS / (2 * LOG_ODDS)))
    within = F.greatest(F.lit(0), F.least(fine, F.lit(BINS - 1)))
    step = F.when(column == "", 1).otherwise(BINS // SLICE_BINS)
    return F.when(p.between(0.0, 1.0), within - within % step).otherwise(-1).cast("int")


def _log_loss(p: Column, label: Column) -> Column:
    likelihood = F.when(label == 1, p).otherwise(1 - p)
    return -F.ln(F.greatest(F.lit(SMALLEST), likelihood))


def _checked(cells: pd.DataFrame, models: Sequence[str]) -> Histograms:
    everything = cells[cells["column"] == ""]
    for model, rows in everything[everything["bin"] < 0].groupby("model", observed=True)["rows"].sum().items():
        raise TrainingDivergedError(f"{model} gave {rows} rows a score that is not a probability", "Train it again")
    for model in models:
        counts = everything[everything["model"] == model]
        rows, positives = int(counts["rows"].sum()), int(counts["positives"].sum())
        if not 0 < positives < rows:
            raise GateRefusedError(
                f"the test window has {rows} labelled rows, {positives} of them positive: nothing can be judged on it",
                "Build the test window's days and their labels, or declare a longer test window",
            )
    days = tuple(day.date() for day in sorted(everything["day"].unique()))
    groups = cells.groupby(["model", "column", "value"], observed=True, sort=False)
    return Histograms(days, tuple(models), {(str(m), str(c), str(v)): cells for (m, c, v), cells in groups})

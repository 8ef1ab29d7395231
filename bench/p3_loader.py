"""P3: rows/s of the batches of an epoch on one core, 39 features, without a network."""

from __future__ import annotations

from statistics import median

from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedCategory, FittedNumber
from headrace.training import shards
from headrace.training.shards import Target
from pyspark.sql import functions as F

from bench import ranks
from bench.lake import local_context
from bench.result import Result, cores

ROWS, TURNS = 4_000_000, 5
COLUMNS = 13  # of each kind: an id for each category; a number and a flag for each number
AIM = 3_000_000
ENCODER = Encoder(
    inputs=(
        *(FittedCategory(column=f"c{n}", vocabulary=tuple("0123456789")) for n in range(COLUMNS)),
        *(FittedNumber(column=f"n{n}", mean=500, std=300, clip=5) for n in range(COLUMNS)),
    )
)


def run(rows: int = ROWS, turns: int = TURNS) -> Result:
    """Measure; rates are medians. The peer is the aim: three million rows a second."""
    context = local_context()
    spark = context.spark
    hashed = {n: F.pmod(F.xxhash64("id", F.lit(n)), F.lit(1000)) for n in range(COLUMNS)}
    frame = spark.range(rows).select(
        "id",
        (F.col("id") % 2).alias("label"),
        *((value % 10).cast("string").alias(f"c{n}") for n, value in hashed.items()),
        *(value.cast("double").alias(f"n{n}") for n, value in hashed.items()),
    )
    files = shards.write(frame, ENCODER, Target(f"loader {rows}", ("id",), 1, context.config.root / "ranks"))
    settings = context.config.training
    [rates] = ranks.launched(context, ranks.loaded, [files, settings, turns], ranks=1)
    return Result(
        id="P3",
        what="batches of 39 features on one core, without a network / 3M rows/s",
        ours=round(median(rates)),
        peer=AIM,
        unit="rows/s",
        ratio=round(median(rates) / AIM, 3),
        aim=f">= {AIM:,} rows/s",
        met=median(rates) >= AIM,
        cores=cores(),
        rows=files.rows,
        batch_size=settings.batch_size,
        turns=[round(rate) for rate in rates],
    )

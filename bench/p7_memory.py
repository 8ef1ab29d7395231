"""P7: the memory of a rank and of the driver, as the rows of a training grow from 0.3 to 30 million.

Each size has a process of its own. It fits the encoder, writes the shards, trains one rank, fits the baselines, and
evaluates them and the network. The rows are copies of real ones, so the figures of the model mean nothing.
"""

from __future__ import annotations

import dataclasses
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from headrace.declare import Gate
from headrace.encoding.encoder import Encoder
from headrace.evaluation import baselines
from headrace.evaluation.evaluate import evaluate
from headrace.evaluation.gate import CHALLENGER
from headrace.registry import loading
from headrace.stages.chunks import published_bytes, set_partitions
from headrace.stages.plan import labelled, plan
from headrace.stages.train import register
from headrace.training import fit, shards
from headrace.training.interval import first_rows
from headrace.training.launcher import HorovodOnSpark
from headrace.training.shards import Target
from pyspark.sql import functions as F

from bench import own_process
from bench.lake import MODEL, YEAR, on_disk, year_built
from bench.memory import Memory, memory
from bench.ranks import ON
from bench.result import Result, cores

ONE, HUNDRED = 1, 100  # copies of each labelled row of the year: 0.3 and 30 million rows
MAX_RATIO = 1.1
GATE = Gate("auc", without=["champion"], report=["lightgbm", "logistic"])


@dataclass(frozen=True)
class Trained:
    """One size: its rows, the peak memory of the rank and of the driver's Python in MB, and where the seconds went."""

    rows: int
    rank_mb: float
    driver_python_mb: float
    memory: Memory
    seconds: dict[str, float]


def run(few: int = ONE, many: int = HUNDRED) -> Result:
    """Measure both sizes once."""
    small, large = (own_process.call(trained, copies) for copies in (few, many))
    ratio = max(large.rank_mb / small.rank_mb, large.driver_python_mb / small.driver_python_mb)
    return Result(
        id="P7",
        what=f"peak memory of a rank that trains on {large.rows:,} rows / on {small.rows:,} (less is better)",
        ours=large.rank_mb,
        peer=small.rank_mb,
        unit="MB",
        ratio=round(large.rank_mb / small.rank_mb, 3),
        aim=f"<= {MAX_RATIO}, of the driver's Python as well",
        met=ratio <= MAX_RATIO,
        cores=cores(),
        rows=large.rows,
        many=asdict(large),
        few=asdict(small),
    )


def trained(copies: int) -> Trained:
    """Train and evaluate on copies of the year's labelled rows."""
    context, seconds = year_built(), dict[str, float]()

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        seconds[part] = round(time.monotonic() - began, 1)

    folder = on_disk(context.config.root) / "size-of-training"
    shutil.rmtree(folder, ignore_errors=True)
    declared = context.use_case.model(MODEL)
    planned = plan(context, dataclasses.replace(declared, gate=GATE), ON)
    rows = labelled(context, planned, YEAR)
    many = rows.crossJoin(context.spark.range(copies).select(F.col("id").alias("copy")))
    set_partitions(context, published_bytes(context, declared.table, YEAR) * copies)
    settings = context.config.training.model_copy(update={"max_epochs": 1})
    with memory(context) as used:
        with timed("encoder"):
            encoder = Encoder.fit(many, declared.inputs, folder)
        with timed("shards"):
            files = shards.write(many, encoder, Target("size", (*declared.table.key, "copy"), 1, folder))
        with timed("network"):
            network = f"{context.use_case.package}.{declared.network}"
            spec = fit.TrainingSpec(network, encoder, files, files, settings, folder / "network")
            fitted = fit.fit(HorovodOnSpark(context.spark), spec)
        with timed("baselines"):
            most = baselines.most_rows(len(encoder.vocabulary_sizes) + encoder.width, context.config.evaluation)
            sample = first_rows(files, min(most, files.rows))
            names, labels = GATE.measured, sample.label.astype("int32")
            sizes = encoder.vocabulary_sizes
            baselines.fit(
                folder, names, ids=sample.ids, dense=sample.dense, labels=labels, vocabulary_sizes=sizes, seed=1
            )
        with timed("evaluation"):
            loaders = {name: baselines.loader(folder, name, encoder) for name in names}
            content = {"training_id": fitted.weights[:16]}
            version = register(folder / "models", MODEL, encoder, fitted, content)
            loaders[CHALLENGER] = loading.loader(version.path)
            evaluate(many, planned.model, loaders, context.config.evaluation, seed=1)
        in_all = used()
    shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Trained(files.rows, round(fitted.peak_bytes / 1e6), round(peak / 1e6), in_all, seconds)

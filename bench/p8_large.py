"""P8 at ten million rows on 59 days, beside a million rows in the same run. A model is then trained, and scores them.

The figures of the model mean nothing: the rows are generated. Only its seconds and its memory count.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from headrace.commands import Score, Train
from headrace.config import ConfigSource
from headrace.declare import Days, Gate
from headrace.stages.context import open_context
from headrace.stages.runner import run_stage

from bench import own_process
from bench.lake import MODEL, with_model
from bench.memory import memory
from bench.p8_size import DAYS, LAKE, ONE, compared
from bench.result import Result

TEN = 193  # copies of each real flight of the days: 10.0 million rows
ON = "2013-03-01"
WINDOW = Days(train=36, validate=9, test=14)
GATE = Gate("auc", without=["champion", "base_rate"], report=["logistic"])  # so that the version passes
EPOCHS = 3


def run() -> Result:
    """Build a million rows and ten million, once each; train on the ten million and score them."""
    built = compared("P8-10M", [ONE, TEN], turns=1)
    return built.model_copy(update=own_process.call(trained_and_scored))


def trained_and_scored() -> dict[str, Any]:
    """The seconds and the memory of a training, and of scoring all days, from the lake that was built last."""
    context = with_model(open_context(ConfigSource("local", root=str(LAKE))), WINDOW, GATE, max_epochs=EPOCHS)
    with memory(context) as used:
        began = time.monotonic()
        version = run_stage(context, Train(MODEL, ON, promote=False)).version
        train = {"seconds": round(time.monotonic() - began, 1), "memory": dataclasses.asdict(used())}
    with memory(context) as used:
        began = time.monotonic()
        rows = run_stage(context, Score(MODEL, DAYS, version=str(version))).rows
        score = {"seconds": round(time.monotonic() - began, 1), "memory": dataclasses.asdict(used()), "rows": rows}
    return {"train": {"days": str(WINDOW), "epochs": EPOCHS, **train}, "score": score}

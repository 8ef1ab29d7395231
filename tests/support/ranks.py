"""Functions that tests run on the ranks of a training."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import cloudpickle  # type: ignore[import-untyped]
import psutil
from headrace.errors import TrainingDivergedError
from headrace.training import loop

# A rank cannot import the tests: pickle these functions by value.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def reduce_for_ever(folder: Path) -> None:
    """Record this rank's process in ``folder``, then sum numbers with the other ranks until killed."""
    import numpy as np

    exchange = loop.begin()
    exchange.summed(np.ones(3))
    rank = exchange.rank
    line = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    with (folder / "attempts").open("a") as file:
        file.write(f"{rank}\n")
    (folder / f"{rank}.json.part").write_text(json.dumps(line))
    (folder / f"{rank}.json.part").rename(folder / f"{rank}.json")
    while True:
        exchange.summed(np.ones(3))


def diverge_on_rank_1() -> None:
    import numpy as np

    exchange = loop.begin()
    if exchange.rank == 1:
        raise TrainingDivergedError("the loss became nan in epoch 1", "Lower training.learning_rate")
    exchange.summed(np.ones(1))


def sleep() -> None:
    time.sleep(600)


def kill_when_ready(folder: Path, rank: int) -> list[float]:
    """Send SIGKILL to a rank of ``reduce_for_ever`` once both ranks run; the list then holds the instant."""
    at: list[float] = []

    def kill() -> None:
        while len(list(folder.glob("?.json"))) < 2:
            time.sleep(0.05)
        at.append(time.monotonic())
        os.kill(json.loads((folder / f"{rank}.json").read_text())["pid"], 9)

    threading.Thread(target=kill, daemon=True).start()
    return at


def alive(folder: Path, rank: int) -> bool:
    line = json.loads((folder / f"{rank}.json").read_text())
    try:
        process = psutil.Process(line["pid"])
        return bool(process.create_time() == line["started"]) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

"""The memory that fitting the baselines takes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from headrace.config import Evaluation
from headrace.declare.baselines import BASELINES
from headrace.evaluation.baselines import most_rows

MEMORY_MB, CATEGORIES, NUMBERS = 160, 7, 26
FIT = """
import resource, sys, tempfile
from pathlib import Path
import lightgbm, numpy as np, scipy.sparse, sklearn.linear_model
from headrace.evaluation import baselines

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

name, rows, categories, numbers = sys.argv[1], *map(int, sys.argv[2:])
random, before = np.random.default_rng(1), peak()
dense = random.standard_normal((rows, numbers), dtype=np.float32)
ids = random.integers(0, 50, (rows, categories), dtype=np.int32)
labels = (dense[:, 0] > 0).astype(np.int32)
sizes = [50] * categories
baselines.fit(Path(tempfile.mkdtemp()), [name], ids=ids, dense=dense, labels=labels, vocabulary_sizes=sizes, seed=1)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_fitted_within_its_declared_memory(name: str) -> None:
    rows = most_rows(CATEGORIES + NUMBERS, Evaluation(baseline_memory_mb=MEMORY_MB))
    assert rows == 158_875
    line = [sys.executable, "-c", FIT, name, str(rows), str(CATEGORIES), str(NUMBERS)]
    took = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert int(took) <= MEMORY_MB

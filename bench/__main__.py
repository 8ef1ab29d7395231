"""Run the benchmarks named by their ids, or all: ``python -m bench P4 P5``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from headrace.hints import nearest
from rich.console import Console
from rich.table import Table

from bench import own_process
from bench.result import RESULTS, Result, keep

BENCHMARKS = {
    "quality": "bench.quality",
    "P1": "bench.p1_rank",
    "P2": "bench.p2_ranks",
    "P2-table": "bench.p2_table",
    "P3": "bench.p3_loader",
    "P4": "bench.p4_scoring",
    "P5": "bench.p5_build",
    "P7": "bench.p7_memory",
    "P8": "bench.p8_size",
    "P8-10M": "bench.p8_large",
    "P8-day": "bench.p8_one_day",
    "P6": "bench.p6_suite",
    "P9-import": "bench.p9_import",
    "P9-overhead": "bench.p9_overhead",
    "P9-day": "bench.p9_day",
    "P10": "bench.p10_keras",
    "P11-commit": "bench.p11_commit",
    "P11-plan": "bench.p11_plan",
    "P15-vocabulary": "bench.p15_vocabulary",
    "P13-requests": "bench.p13_s3",
    "P14": "bench.p14_features",
    "K8S-start": "bench.k8s_start",
    "K8S-day": "bench.k8s_day",
}
CONSOLE = Console(highlight=False)


def main(chosen: list[str]) -> int:
    for name in chosen:
        if name not in BENCHMARKS:
            print(f"no benchmark is called {name!r}. {nearest(name, BENCHMARKS)}", file=sys.stderr)
            return 2
    _importable()
    results = []
    for name in chosen or BENCHMARKS:
        CONSOLE.rule(f"[bold]{name}", align="left")
        results.append(own_process.run(BENCHMARKS[name]))
        keep(results[-1])
    CONSOLE.print(table(results))
    CONSOLE.print(f"kept in {RESULTS}", soft_wrap=True)
    return 0


def _importable() -> None:
    """Let Spark's workers and Horovod's ranks import what this process can import."""
    paths = [str(Path(__file__).parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(p for p in paths if p))


def table(results: Iterable[Result]) -> Table:
    shown = Table("id", "what", "ours", "peer", "unit", "ratio", "aim", "met", "rows", "cores")
    for r in results:
        met = "[green]yes" if r.met else "[red]no"
        shown.add_row(r.id, r.what, f"{r.ours:,.4g}" if r.ours < 1000 else f"{r.ours:,.0f}",
                      f"{r.peer:,.4g}" if r.peer < 1000 else f"{r.peer:,.0f}",
                      r.unit, f"{r.ratio:.3f}", r.aim, met, f"{r.rows:,}", str(r.cores))  # fmt: skip
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

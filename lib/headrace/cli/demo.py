"""The whole line on the real flights of 2013: land, build, train, gate, promote, score; then where to look."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

from headrace import declare, submit
from headrace.cli.backend import submitted
from headrace.config import Config
from headrace.days import DayRange
from headrace.declare import UseCase, resolve
from headrace.lake.publications import path_of, publications
from headrace.registry import promotions, verdicts
from headrace.sizing.ledger import runs
from headrace.sizing.usage import watched
from headrace.stages.gate import report_path
from headrace.stages.job import say

YEAR = DayRange.parse("2013-01-01..2013-12-31")
TRAIN_ON = "2013-12-01"
SCORED = DayRange.parse("2013-12-01..2013-12-07")
SUMMARY = Path("build/demo/summary.json")
CONSOLE = Console(highlight=False)


def run(config: Config, env: str, conf: Path | None, root: str) -> None:
    """Run each stage as its job, end with the first that fails, and write ``build/demo/summary.json``."""
    use_case = declare.load(config.use_case)
    table, model = "flights.features", "flights.late15"
    where = submit.where(env, conf, root)
    stages = {
        "land": ["--days", str(YEAR)],
        "build": [table, "--days", str(YEAR)],
        "train": [model, "--on", TRAIN_ON],
        "score": [model, "--days", str(SCORED)],
    }
    seconds: dict[str, float] = {}
    with watched() as used:
        began = time.monotonic()
        resolve.function(use_case.package, "source:deliver")(config.inbox)
        seconds["deliver"] = round(time.monotonic() - began, 1)
        for stage, arguments in stages.items():
            seconds[stage] = _stage(config, stage, arguments, where)
        summary = summarise(config, use_case, model, seconds, used().total)
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    _where_to_look(config, use_case, model, summary, where)


def _stage(config: Config, name: str, arguments: Sequence[str], where: Sequence[str]) -> float:
    """Run a job where the environment runs jobs; leave with its exit code if it fails."""
    CONSOLE.rule(f"[bold]{name}", align="left")
    began = time.monotonic()
    file = f"jobs/{name}.py"
    if config.backend == "kubernetes":
        code = submitted(config, file, arguments, where)
    else:
        code = _with_clock(config, name, file, [*arguments, *where])
    if code:
        raise typer.Exit(code)
    took = round(time.monotonic() - began, 1)
    say(name, "done", s=took)
    return took


def _with_clock(config: Config, name: str, file: str, arguments: Sequence[str]) -> int:
    """Run a job on this machine, its lines above a clock while it works."""
    line, environment = submit.command(config, file, arguments), submit.environment(config)
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as process:
        with CONSOLE.status(f"{name} ..."):
            for text in process.stdout or ():
                CONSOLE.print(text.rstrip(), markup=False, soft_wrap=True)
        return process.wait()


def summarise(config: Config, use_case: UseCase, name: str, seconds: dict[str, float], peak: int) -> dict[str, Any]:
    """What the line made: tables, quarantine, champion, figures of the gate's days."""
    built = [run.facts.get("tables", {}) for run in runs(config.ledger) if run.stage == "build"]
    tables = {}
    for table in [*use_case.tables, use_case.model(name).scores]:
        published = publications(path_of(config.tables, table)).values()
        rows_in = [tables_of[table]["rows_in"] for tables_of in built if "rows_in" in tables_of.get(table, {})]
        tables[table] = {
            "rows_in": rows_in[-1] if rows_in else sum(p.rows for p in published),
            "rows": sum(p.rows for p in published),
            "quarantined": sum(p.quarantined for p in published),
        }
    champion = promotions.champion(config.models, name)
    verdict = verdicts.latest_verdict(champion) if champion else None
    figures = verdict.evaluation["figures"] if verdict else {}
    measured = ("auc", "average_precision", "log_loss", "ece")
    return {
        "tables": tables,
        "quarantined": sum(t["quarantined"] for t in tables.values()),
        "champion": {"name": name, "version": champion.number if champion else None},
        **{key: figures.get("challenger", {}).get(key) for key in measured},
        "baselines": {
            other: {key: found[key] for key in measured} for other, found in figures.items() if other != "challenger"
        },
        "seconds": {**seconds, "total": round(sum(seconds.values()), 1)},
        "peak_resident_bytes": peak,
    }


def _mlflow(config: Config) -> str:
    """A server's address, how to reach that in the cluster, or how to start one on a file."""
    uri = config.tracking_uri
    if urlsplit(uri).hostname == f"mlflow.{config.kubernetes.namespace}.svc":
        return f"kubectl -n {config.kubernetes.namespace} port-forward service/mlflow 5000, then http://127.0.0.1:5000"
    served = uri.startswith(("http://", "https://"))
    return uri if served else f".venv/bin/mlflow ui --backend-store-uri {uri} --host 127.0.0.1"


def _where_to_look(config: Config, use_case: UseCase, name: str, summary: dict[str, Any], where: Sequence[str]) -> None:
    champion = promotions.champion(config.models, name)
    assert champion is not None
    CONSOLE.rule("[bold]where to look", align="left")
    shown = [*use_case.tables, use_case.model(name).scores]
    lines = {
        "report": report_path(config.root, champion).absolute().as_uri(),
        "data docs": config.data_docs_page.absolute().as_uri(),
        "MLflow": _mlflow(config),
        "summary": SUMMARY,
        **{t: shlex.join([".venv/bin/headrace", "show", t, *where]) for t in shown},
    }
    for what, place in lines.items():
        CONSOLE.print(f"  {what:<24} {place}", markup=False, soft_wrap=True)
    memory = f", at most {summary['peak_resident_bytes'] / 2**30:.1f} GiB of memory"
    CONSOLE.print(
        f"\n{name} version {champion.number} is champion: AUC {summary['auc']:.4f}, ECE {summary['ece']:.4f}; "
        f"{summary['seconds']['total']:.0f} s{memory if config.backend == 'local' else ''}",
        markup=False,
    )

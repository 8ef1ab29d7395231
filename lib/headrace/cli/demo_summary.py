"""What a demo made: its figures, and the pages and commands that show more."""

from __future__ import annotations

import shlex
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from headrace.config import Config, ConfigSource
from headrace.declare import UseCase
from headrace.lake.table import Lake
from headrace.ledger.record import runs
from headrace.registry import promotions, verdicts
from headrace.storage import Place

MEASURED = ("auc", "average_precision", "log_loss", "ece")


def summarise(config: Config, use_case: UseCase, name: str, seconds: dict[str, float], peak: int) -> dict[str, Any]:
    """Tables, quarantine, champion, and the figures on the gate's days."""
    tables = _tables(config, use_case, name)
    champion = promotions.champion(config.layout.models, name)
    verdict = verdicts.latest_verdict(champion) if champion else None
    figures = verdict.evaluation["figures"] if verdict else {}
    return {
        "tables": tables,
        "quarantined": sum(table["quarantined"] for table in tables.values()),
        "champion": {"name": name, "version": champion.number if champion else None},
        **{key: figures.get("challenger", {}).get(key) for key in MEASURED},
        "baselines": {
            other: {key: found[key] for key in MEASURED} for other, found in figures.items() if other != "challenger"
        },
        "seconds": {**seconds, "total": round(sum(seconds.values()), 1)},
        "peak_resident_bytes": peak,
    }


def _tables(config: Config, use_case: UseCase, model: str) -> dict[str, dict[str, int]]:
    """Rows read, published and quarantined, by table. The rows read come from the newest build, if there is one."""
    builds = [run.facts.get("builds", {}) for run in runs(config.layout.ledger) if run.stage == "build"]
    lake = Lake(config.layout.tables)
    tables = {}
    for name in [*use_case.tables, use_case.model(model).scores]:
        published = lake.table(name).publications.values()
        rows = sum(p.rows for p in published)
        returned = [build[name]["returned"] for build in builds if build.get(name, {}).get("returned")]
        quarantined = sum(p.quarantined for p in published)
        tables[name] = {"returned": returned[-1] if returned else rows, "rows": rows, "quarantined": quarantined}
    return tables


def show_pages(
    console: Console,
    config: Config,
    use_case: UseCase,
    name: str,
    summary: dict[str, Any],
    files: dict[str, Place],
    source: ConfigSource,
) -> None:
    """Print the pages and commands that show what the demo made, and the champion's figures."""
    champion = promotions.champion(config.layout.models, name)
    assert champion is not None
    console.rule("[bold]where to look", align="left")
    lines = {
        "report": config.layout.report(name, champion.number).absolute().as_uri(),
        "data docs": config.layout.data_docs_page.absolute().as_uri(),
        "MLflow": _mlflow(config),
        **files,
        **{
            table: shlex.join([".venv/bin/headrace", "show", table, *source.to_argv()])
            for table in [*use_case.tables, use_case.model(name).scores]
        },
    }
    for what, place in lines.items():
        console.print(f"  {what:<24} {place}", markup=False, soft_wrap=True)
    console.print(
        f"\n{name} version {champion.number} is champion: AUC {summary['auc']:.4f}, ECE {summary['ece']:.4f}; "
        f"{summary['seconds']['total']:.0f} s, at most {summary['peak_resident_bytes'] / 2**30:.1f} GiB of memory here",
        markup=False,
    )


def _mlflow(config: Config) -> str:
    """The server's address, or the command that makes it reachable."""
    uri = config.tracking_uri
    if urlsplit(uri).hostname == f"mlflow.{config.kubernetes.namespace}.svc":
        return f"kubectl -n {config.kubernetes.namespace} port-forward service/mlflow 5000, then http://127.0.0.1:5000"
    served = uri.startswith(("http://", "https://"))
    return uri if served else f".venv/bin/mlflow ui --backend-store-uri {uri} --host 127.0.0.1"

"""`headrace report` shows which days a version scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.cli.show_report import show_report
from headrace.registry import promotions, verdicts
from headrace.registry.versions import register

from tests.support.local_config import local_config

MODEL = "sales.late"


def test_a_report_says_which_days_the_version_scores(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = local_config(tmp_path / "root")
    models = config.layout.models
    for trained_on in ("2026-03-02", "2026-03-09", "2026-03-09"):
        number = len(promotions.promotions(models, MODEL)) + 1
        version = register(models, MODEL, trained, {"training_id": str(number), "trained_on": trained_on})
        before = promotions.champion(models, MODEL)
        verdicts.record_verdict(version, {"figures": {}}, passed=True, sentence="It passes", champion=before)
        promotions.promote(models, MODEL, version.number, reason="test")
    shown = []
    for number in (1, 2, 3):
        show_report(config, MODEL, number)
        shown.append(capsys.readouterr().out.splitlines()[0])
    assert shown == [
        "sales.late version 1  trained as on 2026-03-02  scores 2026-03-02..2026-03-08",
        "sales.late version 2  trained as on 2026-03-09  scores no day",
        "sales.late version 3  champion  trained as on 2026-03-09  scores from 2026-03-09 on",
    ]

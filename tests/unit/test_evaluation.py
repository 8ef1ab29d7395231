"""The gate's verdict, and the report that shows it, from histograms made by hand."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from headrace.config import Evaluation as Settings
from headrace.declare import Days, Gate, Model, Table
from headrace.errors import GateRefusedError
from headrace.evaluation.evaluate import Evaluation, summarised
from headrace.evaluation.gate import Verdict, judge
from headrace.evaluation.histogram import Histograms, bin_edges
from headrace.evaluation.report import render

DAYS = [dt.date(2013, 10, 1) + dt.timedelta(days=n) for n in range(30)]
SETTINGS = Settings(bootstrap_resamples=400, min_slice_positives=50)
GATE = Gate("auc", beat=["champion", "base_rate", "logistic"], report=["lightgbm"], slices=["carrier"])


def histograms(noise: dict[str, float], bad: dict[tuple[str, str], float] | None = None, days: int = 30) -> Histograms:
    """Models that see the truth through noise of the given strength; ``bad`` sets it for a model on one carrier."""
    random = np.random.default_rng(5)
    rows = pd.DataFrame({"day": np.repeat(pd.DatetimeIndex(DAYS[:days]), 300)})
    rows["carrier"] = np.where(random.random(len(rows)) < 0.4, "AA", "UA")
    truth = random.normal(-1, 1, len(rows))
    rows["label"] = random.random(len(rows)) < 1 / (1 + np.exp(-truth))
    cells = {}
    for model, strength in noise.items():
        strengths = rows["carrier"].map(lambda c, m=model, s=strength: (bad or {}).get((m, c), s)).to_numpy()
        odds = truth + random.normal(0, 1, len(rows)) * strengths if model != "base_rate" else np.full(len(rows), -1.0)
        rows["p"] = 1 / (1 + np.exp(-odds))
        rows["bin"] = np.searchsorted(bin_edges(), rows["p"], side="right") - 1
        rows["loss"] = -np.log(np.where(rows["label"], rows["p"], 1 - rows["p"]))
        cells[model, "", ""] = _cells(rows)
        if model in {"challenger", "champion"}:
            cells |= {(model, "carrier", value): _cells(of) for value, of in rows.groupby("carrier")}
    return Histograms(tuple(DAYS[:days]), tuple(noise), cells)


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    sums = {"rows": ("p", "size"), "positives": ("label", "sum"), "probability": ("p", "sum"), "loss": ("loss", "sum")}
    return rows.groupby(["day", "bin"]).agg(**sums).reset_index()


BASELINES = {"base_rate": 0.0, "logistic": 1.5, "lightgbm": 0.1}


def verdict(noise: dict[str, float], bad: dict[tuple[str, str], float] | None = None, gate: Gate = GATE) -> Verdict:
    return judge(gate, histograms(noise, bad), SETTINGS, seed=1)


def test_a_first_model_passes_by_beating_the_baselines_alone() -> None:
    said = verdict({"challenger": 0.3, **BASELINES})
    assert said.passed
    assert said.sentence.endswith("; there is no champion yet.")
    assert [c.against for c in said.comparisons if c.decides] == ["base_rate", "logistic"]
    assert [(s.value, s.champion, s.worse) for s in said.slices] == [("AA", None, False), ("UA", None, False)]


def test_a_baseline_that_is_only_reported_decides_nothing() -> None:
    said = verdict({"challenger": 0.3, **BASELINES})
    trees = next(c for c in said.comparisons if c.against == "lightgbm")
    assert (trees.beaten, trees.decides) == (False, False)
    assert trees.difference.upper < 0
    assert said.passed


def test_a_challenger_that_is_surely_better_than_the_champion_passes() -> None:
    said = verdict({"challenger": 0.3, "champion": 0.9, **BASELINES})
    assert said.passed
    assert "surely above the champion's" in said.sentence
    assert said.sentence.endswith("worse in no slice.")


def test_an_equal_challenger_does_not_replace_the_champion() -> None:
    said = verdict({"challenger": 0.5, "champion": 0.5, **BASELINES})
    champion = next(c for c in said.comparisons if c.against == "champion")
    assert champion.difference.lower < 0 < champion.difference.upper
    assert not said.passed
    assert said.sentence.startswith("The challenger is refused: its AUC of")


def test_a_challenger_below_a_baseline_is_refused_even_without_a_champion() -> None:
    said = verdict({"challenger": 3.0, **BASELINES})
    assert not said.passed
    assert "logistic regression's" in said.sentence
    assert "base rate" not in said.sentence


def test_a_slice_made_worse_refuses_a_challenger_that_is_better_overall() -> None:
    said = verdict(
        {"challenger": 0.1, "champion": 1.2, **BASELINES}, {("challenger", "AA"): 1.4, ("champion", "AA"): 0.7}
    )
    assert next(c for c in said.comparisons if c.against == "champion").beaten
    assert {s.value: s.worse for s in said.slices} == {"AA": True, "UA": False}
    assert not said.passed
    assert said.sentence == "The challenger is refused: it is worse than the champion for carrier AA."


def test_average_precision_can_be_the_gates_metric() -> None:
    gate = Gate("average_precision", beat=["base_rate"])
    said = verdict({"challenger": 0.3, "base_rate": 0.0}, gate=gate)
    share = histograms({"base_rate": 0.0}).of("base_rate")
    assert said.comparisons[0].difference.theirs == pytest.approx(
        share.positives.sum() / (share.positives.sum() + share.negatives.sum()), abs=2e-3
    )
    assert "average precision" in said.sentence


def test_the_same_seed_gives_the_same_verdict_and_another_seed_other_intervals() -> None:
    noise = {"challenger": 0.3, "champion": 0.5, **BASELINES}
    assert verdict(noise) == verdict(noise)
    other = judge(GATE, histograms(noise), SETTINGS, seed=2)
    assert other.comparisons[0].difference.lower != verdict(noise).comparisons[0].difference.lower


def test_a_baseline_to_beat_that_was_not_measured_refuses() -> None:
    with pytest.raises(GateRefusedError, match="logistic was not measured"):
        verdict({"challenger": 0.3, "base_rate": 0.0})


def test_one_day_is_not_enough_to_judge_on() -> None:
    with pytest.raises(GateRefusedError, match="one day gives no interval"):
        judge(GATE, histograms({"challenger": 0.3, **BASELINES}, days=1), SETTINGS, seed=1)


def evaluation(name: str = "flights.late15") -> Evaluation:
    table = Table("flights.features", reads=[], by="m:f", columns="c.yaml", day="day", key=["day"])
    model = Model(name, table, table.label("late"), network="n:b", inputs=[], window=Days(10, 5, 5), gate=GATE)
    return summarised(model, histograms({"challenger": 0.3, "champion": 0.9, **BASELINES}), SETTINGS, seed=1)


HISTORY = [
    {"phase": "choose", "epoch": 1, "loss": 0.53, "validation_loss": 0.51},
    {"phase": "choose", "epoch": 2, "loss": 0.52, "validation_loss": 0.50},
    {"phase": "refit", "epoch": 1, "loss": 0.54},
]


def test_an_evaluation_comes_back_from_json_as_it_was() -> None:
    one = evaluation()
    assert Evaluation.model_validate_json(one.model_dump_json()) == one


def test_the_report_opens_with_the_verdict_and_shows_figures_and_pins() -> None:
    one = evaluation()
    page = render(one, HISTORY, {"commit": "fa73a5e", "windows": {"train": "2013-01-01..2013-08-31"}})
    text = Text.of(page)
    assert text.index(one.verdict.sentence) < text.index("Figures")
    for figures in one.figures.values():
        assert f"{figures.auc:.4f}" in text
        assert f"{figures.ece:.4f}" in text
    assert "fa73a5e" in text
    assert "windows.train" in text


def test_the_report_needs_nothing_beside_it_and_is_the_same_each_time() -> None:
    page = render(evaluation(), HISTORY, {"commit": "fa73a5e"})
    links = re.findall(r"""(?:src|href)\s*=\s*["'](?!#)[^"']*|url\((?!#)[^)]*|@import|<script|<link""", page)
    assert links == []
    assert page.count("<svg viewBox") == 4
    assert "var(--challenger)" in page
    assert "#00000" not in page  # each colour code that stands for a variable was replaced
    assert page == render(evaluation(), HISTORY, {"commit": "fa73a5e"})


def test_what_the_report_is_given_is_escaped() -> None:
    page = render(evaluation("<script>alert(1)</script>"), [], {"<b>commit": "<img src=x onerror=alert(1)>"})
    assert "<script>" not in page
    assert "<img" not in page
    assert "<b>commit" not in page
    assert "Loss by epoch" not in page  # there is no history


class Text(HTMLParser):
    """What a reader sees of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @classmethod
    def of(cls, page: str) -> str:
        parser = cls()
        parser.feed(page)
        return " ".join("".join(parser.parts).split())

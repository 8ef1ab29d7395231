"""The gate's verdict and the report, from histograms made by hand; and a baseline added by one entry and one class."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from headrace.config import Evaluation as Settings
from headrace.declare import Days, Gate, Model, Table
from headrace.declare.baselines import BASELINES, Baseline
from headrace.encoding.encoder import Encoder
from headrace.encoding.fitted import FittedNumber
from headrace.errors import GateRefusedError
from headrace.evaluation import baselines
from headrace.evaluation.baselines import BaselineModel, Sample, Scorer
from headrace.evaluation.evaluate import Evaluation, summarised
from headrace.evaluation.gate import judge
from headrace.evaluation.histogram import Histograms, bin_edges
from headrace.evaluation.report import render
from headrace.evaluation.verdict import Verdict

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(30)]
SETTINGS = Settings(bootstrap_resamples=400, min_slice_positives=50)
GATE = Gate("auc", beat=["champion", "base_rate", "logistic"], report=["lightgbm"], slices=["carrier"])


def histograms(noise: dict[str, float], bad: dict[tuple[str, str], float] | None = None, days: int = 30) -> Histograms:
    """Models that see the truth through noise. ``noise`` is its strength by model, ``bad`` by model and carrier."""
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


NOISE = {"base_rate": 0.0, "logistic": 1.5, "lightgbm": 0.1}  # of the baselines


def verdict(noise: dict[str, float], bad: dict[tuple[str, str], float] | None = None, gate: Gate = GATE) -> Verdict:
    return judge(gate, histograms(noise, bad), SETTINGS, seed=1)


def test_a_first_model_passes_by_beating_the_baselines_alone() -> None:
    found = verdict({"challenger": 0.3, **NOISE})
    assert found.passed
    assert found.sentence.endswith("; there is no champion yet.")
    assert [c.against for c in found.comparisons if c.decides] == ["base_rate", "logistic"]
    assert [(s.value, s.champion, s.worse) for s in found.slices] == [("AA", None, False), ("UA", None, False)]


def test_a_baseline_that_is_only_reported_decides_nothing() -> None:
    found = verdict({"challenger": 0.3, **NOISE})
    trees = next(c for c in found.comparisons if c.against == "lightgbm")
    assert (trees.beaten, trees.decides) == (False, False)
    assert trees.difference.upper < 0
    assert found.passed


def test_a_challenger_that_is_significantly_better_than_the_champion_passes() -> None:
    found = verdict({"challenger": 0.3, "champion": 0.9, **NOISE})
    assert found.passed
    assert "significantly better than the champion's" in found.sentence
    assert found.sentence.endswith("worse in no slice.")


def test_an_equal_challenger_does_not_replace_the_champion() -> None:
    found = verdict({"challenger": 0.5, "champion": 0.5, **NOISE})
    champion = next(c for c in found.comparisons if c.against == "champion")
    assert champion.difference.lower < 0 < champion.difference.upper
    assert not found.passed
    assert found.sentence.startswith("The challenger is refused: its AUC of")


def test_a_challenger_below_a_baseline_is_refused_even_without_a_champion() -> None:
    found = verdict({"challenger": 3.0, **NOISE})
    assert not found.passed
    assert "is not significantly better than logistic regression's" in found.sentence
    assert [c.against for c in found.comparisons if c.decides and c.beaten] == ["base_rate"]


def test_a_gate_without_a_word_asks_for_a_better_model_than_the_champion_and_the_base_rate() -> None:
    found = verdict({"challenger": 1.4, "champion": 0.3, **NOISE}, gate=Gate())
    assert [(c.against, c.beaten) for c in found.comparisons if c.decides] == [("champion", False), ("base_rate", True)]
    assert not found.passed
    found = verdict({"challenger": 1.4, "champion": 0.3, **NOISE}, gate=Gate(without=["champion", "base_rate"]))
    assert [c.against for c in found.comparisons if c.decides] == []
    assert found.passed


def test_a_challenger_that_ranks_better_with_wrong_probabilities_is_refused() -> None:
    of = histograms({"challenger": 0.1, "champion": 0.9, **NOISE})
    cells = of.cells["challenger", "", ""]
    cells["loss"] *= 3
    found = judge(GATE, of, SETTINGS, seed=1)
    assert all(c.beaten for c in found.comparisons if c.decides)
    assert not found.passed
    assert re.fullmatch(
        r"The challenger is refused: its log loss of \d\.\d{4} is worse than the champion's 0\.\d{4},"
        r" and its log loss of \d\.\d{4} is worse than the base rate's 0\.\d{4}\.",
        found.sentence,
    )


def test_a_slice_made_worse_refuses_a_challenger_that_is_better_overall() -> None:
    found = verdict({"challenger": 0.1, "champion": 1.2, **NOISE}, {("challenger", "AA"): 1.4, ("champion", "AA"): 0.7})
    assert next(c for c in found.comparisons if c.against == "champion").beaten
    assert {s.value: s.worse for s in found.slices} == {"AA": True, "UA": False}
    assert not found.passed
    assert found.sentence == "The challenger is refused: it is worse than the champion for carrier AA."


def test_average_precision_can_be_the_gates_metric() -> None:
    gate = Gate("average_precision", beat=["base_rate"])
    found = verdict({"challenger": 0.3, "base_rate": 0.0}, gate=gate)
    share = histograms({"base_rate": 0.0}).of("base_rate")
    assert found.comparisons[0].difference.theirs == pytest.approx(
        share.positives.sum() / (share.positives.sum() + share.negatives.sum()), abs=2e-3
    )
    assert "average precision" in found.sentence


def test_the_same_seed_gives_the_same_verdict_and_another_seed_other_intervals() -> None:
    noise = {"challenger": 0.3, "champion": 0.5, **NOISE}
    assert verdict(noise) == verdict(noise)
    other = judge(GATE, histograms(noise), SETTINGS, seed=2)
    assert other.comparisons[0].difference.lower != verdict(noise).comparisons[0].difference.lower


def test_a_baseline_to_beat_that_was_not_measured_refuses() -> None:
    with pytest.raises(GateRefusedError, match="logistic was not measured"):
        verdict({"challenger": 0.3, "base_rate": 0.0})


def test_one_day_is_not_enough_to_judge_on() -> None:
    with pytest.raises(GateRefusedError, match="one day gives no interval"):
        judge(GATE, histograms({"challenger": 0.3, **NOISE}, days=1), SETTINGS, seed=1)


def declared(name: str, gate: Gate) -> Model:
    table = Table("sales.features", reads=[], by="m:f", columns="c.yaml", day="day", key=["day"])
    return Model(name, table, table.label("late"), network="n:b", inputs=[], window=Days(10, 5, 5), gate=gate)


def evaluation(name: str = "sales.late") -> Evaluation:
    model = declared(name, GATE)
    return summarised(model, histograms({"challenger": 0.3, "champion": 0.9, **NOISE}), SETTINGS, seed=1)


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
    page = render(one, HISTORY, {"commit": "fa73a5e", "windows": {"train": "2026-01-01..2026-01-31"}})
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


def test_the_report_shows_what_an_epoch_s_seconds_are_spent_on() -> None:
    times = {"seconds": 2.0, "input": 0.1, "compute": 1.5, "exchange": 0.3, "wait": 0.1}
    slow = {"seconds": 9.0, "input": 0.0, "compute": 9.0, "exchange": 0.0, "wait": 0.0}  # it compiles the network
    epochs = [{"epoch": n, "loss": 0.6} | taken for n, taken in enumerate((slow, times), start=1)]
    page = render(evaluation(), [*HISTORY, *epochs], {})
    assert "An epoch takes 2.0 s: 5% input, 75% compute, 15% exchange, 5% wait." in page
    assert "An epoch takes" not in render(evaluation(), HISTORY, {})


def test_what_the_report_is_given_is_escaped() -> None:
    page = render(evaluation("<script>alert(1)</script>"), [], {"<b>commit": "<img src=x onerror=alert(1)>"})
    assert "<script>" not in page
    assert "<img" not in page
    assert "<b>commit" not in page
    assert "Loss by epoch" not in page  # there is no history


class Median(BaselineModel):
    """A dummy baseline: one score for the rows above the median of the first number, another for those below."""

    file = "median.json"

    def fit(self, file: Path, sample: Sample) -> None:
        median = float(np.median(sample.dense[:, 0]))
        above = sample.dense[:, 0] > median
        shares = [float(sample.labels[rows].mean()) for rows in (~above, above)]
        file.write_text(json.dumps({"median": median, "shares": shares}))

    def load(self, file: Path) -> Scorer:
        kept = json.loads(file.read_text())
        return lambda _, dense: np.where(dense[:, 0] > kept["median"], kept["shares"][1], kept["shares"][0])


def test_a_baseline_is_added_by_one_entry_and_one_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BASELINES, "median", Baseline("the median rule", "median", f"{__name__}:Median"))
    random = np.random.default_rng(3)
    demand = random.normal(0, 1, 6000)
    labels = (random.random(6000) < 1 / (1 + np.exp(1 - demand))).astype(int)
    rows = pa.record_batch({"demand": demand})
    encoder = Encoder(inputs=(FittedNumber(column="demand", mean=0.0, std=1.0, clip=5.0),))
    encoded = encoder.encode(rows)
    names = ["base_rate", "median"]
    files = baselines.fit(
        tmp_path, names, ids=encoded.ids, dense=encoded.dense, labels=labels, vocabulary_sizes=[], seed=1
    )
    assert [file.name for file in files] == ["base_rate.json", "median.json"]

    predictors: dict[str, Callable[[pa.RecordBatch], np.ndarray]] = {
        "challenger": lambda batch: 1 / (1 + np.exp(1 - batch.column("demand").to_numpy())),
        **{name: baselines.loader(tmp_path, name, encoder)() for name in names},
    }
    days = np.repeat(pd.DatetimeIndex(DAYS), 200)
    cells = {(name, "", ""): scored(days, labels, predict(rows)) for name, predict in predictors.items()}
    model = declared("sales.late", Gate("auc", beat=["base_rate", "median"]))
    found = summarised(model, Histograms(tuple(DAYS), tuple(predictors), cells), SETTINGS, seed=1)
    assert {c.against: c.beaten for c in found.verdict.comparisons} == {"base_rate": True, "median": True}
    assert f"the median rule's {found.figures['median'].auc:.3f}" in found.verdict.sentence

    page = render(found, HISTORY, {})
    assert len(re.findall(rf"median\s+{found.figures['median'].auc:.3f}", page)) == 1  # in the legend of the ROC curve
    assert page.count("stroke: var(--baseline-4)") >= 3  # it has a line in each chart
    assert re.search(r'background: var\(--baseline-4\)"></span>median', page)  # and a row in the table


def scored(days: pd.DatetimeIndex, labels: np.ndarray, p: np.ndarray) -> pd.DataFrame:
    bins = np.searchsorted(bin_edges(), p, side="right") - 1
    loss = -np.log(np.where(labels == 1, p, 1 - p))
    return _cells(pd.DataFrame({"day": days, "label": labels, "p": p, "bin": bins, "loss": loss}))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ({"beat": ["champoin"]}, "no baseline is called 'champoin'. Did you mean 'champion'?"),
        ({"beat": ["logistics"]}, "no baseline is called 'logistics'. Did you mean 'logistic'?"),
        ({"report": ["lightgmb"]}, "no baseline is called 'lightgmb'. Did you mean 'lightgbm'?"),
        ({"report": ["champion"]}, "no baseline is called 'champion'"),
    ],
)
def test_a_gate_refuses_an_unknown_baseline_with_the_nearest_name(words: dict[str, list[str]], hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        Gate("auc", **words)


@pytest.mark.parametrize("name", BASELINES)
def test_every_registered_baseline_has_its_class(name: str, tmp_path: Path) -> None:
    assert baselines.file_of(tmp_path, name).parent == tmp_path


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

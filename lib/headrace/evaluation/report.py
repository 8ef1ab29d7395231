"""The model report: one HTML file that refers to no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Any, NamedTuple

from headrace.evaluation import charts
from headrace.evaluation.appearance import appearances
from headrace.evaluation.evaluate import Evaluation
from headrace.evaluation.gate import CHALLENGER, CHAMPION, METRIC_TITLES
from headrace.evaluation.verdict import Comparison, SliceFigure

PARTS = ("input", "compute", "exchange", "wait")  # of an epoch's seconds


class Times(NamedTuple):
    """The seconds of an epoch, and what they were spent on, as text."""

    seconds: float
    shares: str


class Mark(NamedTuple):
    """Where a table's row draws an interval, in percent of the width of the row."""

    lower: float
    at: float
    upper: float


class SliceRow(NamedTuple):
    """One slice, and where its interval is drawn."""

    figure: SliceFigure
    mark: Mark


class SliceTable(NamedTuple):
    """The values of one column, the value with the most rows first.

    ``reference`` is where the vertical line is drawn, in percent of the width. It marks no difference from the
    champion or, without a champion, the figure of all rows.
    """

    column: str
    rows: list[SliceRow]
    reference: float


def render(evaluation: Evaluation, history: Sequence[Mapping[str, Any]], pins: Mapping[str, Any]) -> str:
    """A page that shows whether a model may become champion, and why.

    Args:
        evaluation: figures, curves and verdict.
        history: an entry for each epoch; see `charts.loss`. Without entries, the page has no chart of losses.
        pins: what is needed to train the model again: version, commit, digests, windows, seeds. Nested mappings become
            dotted names.

    Returns:
        HTML. The same arguments give the same text. All text from the arguments is escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    page = Environment(
        loader=PackageLoader("headrace.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("report.html.j2")
    pictures = {
        "roc": charts.roc(evaluation),
        "precision_recall": charts.precision_recall(evaluation),
        "calibration": charts.calibration(evaluation),
        "loss": charts.loss(history) if history else "",
    }
    return page.render(
        evaluation=evaluation,
        verdict=evaluation.verdict,
        metric=METRIC_TITLES[evaluation.verdict.metric],
        models={name: model for name, model in appearances().items() if name in evaluation.figures},
        compared={c.against: c for c in evaluation.verdict.comparisons},
        gate_result=_gate_result,
        has_champion=CHAMPION in evaluation.figures,
        charts={name: Markup(svg) for name, svg in pictures.items()},  # trusted: it comes from charts.py
        times=_times(history),
        slices=_slice_tables(evaluation),
        pins=list(_flat(pins)),
    )


def _times(history: Sequence[Mapping[str, Any]]) -> Times | None:
    """The median of the epochs that have times; the first of a phase compiles the network, and does not count."""
    timed = [epoch for epoch in history if "exchange" in epoch and epoch["epoch"] > 1]
    if not timed:
        return None
    seconds = median(epoch["seconds"] for epoch in timed)
    shares = [f"{median(epoch[part] / epoch['seconds'] for epoch in timed):.0%} {part}" for part in PARTS]
    return Times(seconds, ", ".join(shares))


def _gate_result(comparison: Comparison) -> str:
    outcome = "beaten" if comparison.beaten else "not beaten"
    return outcome if comparison.decides else f"{outcome}, reported only"


def _slice_tables(evaluation: Evaluation) -> list[SliceTable]:
    slices = evaluation.verdict.slices
    shown = [_interval(s) for s in slices]
    reference = 0.0 if any(s.champion for s in slices) else _overall(evaluation)
    lowest, highest = min([reference, *(s[0] for s in shown)]), max([reference, *(s[2] for s in shown)])
    width = (highest - lowest) or 1.0

    def place(value: float) -> float:
        return round(4 + 92 * (value - lowest) / width, 2)

    tables = []
    for column, group in groupby(slices, key=lambda s: s.column):
        ordered = sorted(group, key=lambda s: (-s.rows, s.value))
        rows = [SliceRow(s, Mark(*(place(v) for v in _interval(s)))) for s in ordered]
        tables.append(SliceTable(column, rows, place(reference)))
    return tables


def _interval(of: SliceFigure) -> tuple[float, float, float]:
    """Lower end, value and upper end: of the difference from the champion or, without one, of the figure itself."""
    if of.champion:
        return of.champion.lower, of.champion.value, of.champion.upper
    return of.lower, of.ours, of.upper


def _overall(evaluation: Evaluation) -> float:
    return float(getattr(evaluation.figures[CHALLENGER], evaluation.verdict.metric))


def _flat(pins: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in pins.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{key}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{key}", str(value)

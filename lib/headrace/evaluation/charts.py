"""The report's charts, as SVG inside the page. Text stays text, and colours follow the page's theme."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headrace.evaluation.appearance import CODES, INK, LINE, MUTED, VARIABLES, Appearance, appearances
from headrace.evaluation.evaluate import Evaluation
from headrace.evaluation.gate import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Below this recall, precision depends on a few rows and jumps.
LEAST_RECALL = 0.01

_STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "text.color": INK,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.solid_capstyle": "round",
}


@contextmanager
def _figure(salt: str, rows: Sequence[float] = (1,)) -> Iterator[tuple[Figure, list[Axes]]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=(5.2, 4.2), layout="constrained")
        axes = figure.subplots(len(rows), 1, sharex=len(rows) > 1, squeeze=False, height_ratios=list(rows))
        yield figure, list(axes[:, 0])


def _svg(figure: Figure) -> str:
    """The picture without its date, so that two runs give the same text, and without unused ids."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"#00000[1-9a-f]\b", lambda found: f"var(--{VARIABLES[found[0]]})", svg)
    return re.sub(r'<svg [^>]*viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" role="img">', svg, count=1).strip()


def _line(model: Appearance) -> dict[str, Any]:
    return {"color": model.code, "linewidth": model.width, "linestyle": model.dashes}


def _drawn(evaluation: Evaluation) -> list[tuple[str, Appearance]]:
    """The models, the most important last, so that it is drawn on top."""
    return [(name, model) for name, model in reversed(appearances().items()) if name in evaluation.curves]


def _legend(axes: Axes, where: Literal["lower right", "upper right", "upper left"]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc=where)


def roc(evaluation: Evaluation) -> str:
    """The ROC curve of each model, with its AUC in the legend."""
    with _figure("roc") as (figure, [axes]):
        for name, model in _drawn(evaluation):
            label = f"{model.label}  {evaluation.figures[name].auc:.3f}"
            axes.plot(*evaluation.curves[name].roc, label=label, **_line(model))
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="false positive rate", ylabel="true positive rate")
        _legend(axes, "lower right")
        return _svg(figure)


def precision_recall(evaluation: Evaluation) -> str:
    """Precision by recall of each model, with its average precision in the legend."""
    with _figure("precision-recall") as (figure, [axes]):
        for name, model in _drawn(evaluation):
            figures = evaluation.figures[name]
            if model.constant:
                x, y = np.array([0, 1]), np.full(2, figures.positives / figures.rows)
            else:
                recall, precision = (np.asarray(points) for points in evaluation.curves[name].precision_recall)
                x, y = recall[recall > LEAST_RECALL], precision[recall > LEAST_RECALL]
            axes.plot(x, y, label=f"{model.label}  {figures.average_precision:.3f}", **_line(model))
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="recall", ylabel="precision")
        _legend(axes, "upper right")
        return _svg(figure)


def calibration(evaluation: Evaluation) -> str:
    """Observed by predicted probability of each model; below it, the distribution of the challenger's scores."""
    negatives, positives = (np.asarray(counts) for counts in evaluation.curves[CHALLENGER].scores)
    end, challenger = _reach(negatives + positives), CODES[CHALLENGER]
    with _figure("calibration", rows=(3, 1)) as (figure, [above, below]):
        above.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        for name, model in _drawn(evaluation):
            with_points = name in {CHALLENGER, CHAMPION} or model.constant
            points: dict[str, Any] = {"marker": "o", "markersize": 4} if with_points else {}
            label = f"{model.label}  {evaluation.figures[name].ece:.3f}"
            above.plot(*evaluation.curves[name].calibration, label=label, **_line(model), **points)
        above.set(ylim=(0, end), ylabel="share of positives")
        _legend(above, "upper left")
        edges = np.linspace(0, 1, len(negatives) + 1)
        below.stairs(positives + negatives, edges, fill=True, color=challenger, alpha=0.3)
        below.stairs(positives, edges, fill=True, color=challenger)
        below.set(xlim=(0, end), xlabel="predicted probability", ylabel="rows", yticks=[])
        below.grid(visible=False)
        return _svg(figure)


def _reach(counts: np.ndarray[Any, Any]) -> float:
    """The probability, rounded up to a tenth, that 99.9% of the rows do not exceed."""
    below = np.searchsorted(np.cumsum(counts) / counts.sum(), 0.999) + 1
    return float(np.ceil(below / len(counts) * 10) / 10)


def loss(history: Sequence[Mapping[str, Any]]) -> str:
    """Mean log loss by epoch.

    Each entry of ``history`` is an epoch. It has ``epoch`` and ``loss``, and may have ``phase`` (``choose`` or
    ``refit``) and ``validation_loss``.
    """
    from matplotlib.ticker import MaxNLocator

    validation, training = CODES[CHALLENGER], CODES["baseline-1"]
    lines: dict[str, tuple[str, str, str, Any]] = {
        "training": ("loss", "choose", training, "-"),
        "validation": ("validation_loss", "choose", validation, "-"),
        "training, refitted": ("loss", "refit", training, (0, (4, 2))),
    }
    with _figure("loss") as (figure, [axes]):
        for label, (key, phase, colour, dashes) in lines.items():
            points = [(e["epoch"], e[key]) for e in history if e.get("phase", "choose") == phase and key in e]
            if points:
                axes.plot(
                    *zip(*points, strict=True), label=label, color=colour, linestyle=dashes, marker="o", markersize=3.5
                )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="epoch", ylabel="log loss")
        if axes.lines:
            axes.legend(loc="upper right")
        return _svg(figure)

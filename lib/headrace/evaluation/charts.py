"""The report's charts, as SVG inside a page: text stays text, and colours are the page's, so both follow its theme."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headrace.evaluation.evaluate import Evaluation
from headrace.evaluation.gate import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib knows no CSS variables: each colour is drawn as a code that nothing else uses, and replaced afterwards.
INK, MUTED, LINE = "#000001", "#000002", "#000003"
COLOURS = {
    CHALLENGER: "#000004",
    CHAMPION: "#000005",
    "logistic": "#000006",
    "lightgbm": "#000007",
    "base_rate": "#000008",
}
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line"} | {c: name.replace("_", "-") for name, c in COLOURS.items()}
_DASHES = {"logistic": (0, (4, 2)), "lightgbm": (0, (1, 1.5)), "base_rate": (0, (6, 2, 1, 2))}

SHORT = {
    CHALLENGER: "challenger",
    CHAMPION: "champion",
    "logistic": "logistic",
    "lightgbm": "LightGBM",
    "base_rate": "base rate",
}
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
    """The picture without what would differ between two runs, and without ids that nothing refers to."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r"#([\w-]+)", svg))
    svg = re.sub(r' id="([\w.-]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"#00000\d", lambda found: f"var(--{_VARIABLES[found[0]]})", svg)
    return re.sub(r'<svg [^>]*viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" role="img">', svg, count=1).strip()


def _style(model: str) -> dict[str, Any]:
    main = model in {CHALLENGER, CHAMPION}
    return {"color": COLOURS[model], "linewidth": 2.0 if main else 1.3, "linestyle": "-" if main else _DASHES[model]}


def _drawn(evaluation: Evaluation) -> list[str]:
    """The models, the most important last, so that it lies on top."""
    return [name for name in reversed(COLOURS) if name in evaluation.curves]


def _legend(axes: Axes, where: Literal["lower right", "upper right", "upper left"]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc=where)


def roc(evaluation: Evaluation) -> str:
    with _figure("roc") as (figure, [axes]):
        for name in _drawn(evaluation):
            label = f"{SHORT[name]}  {evaluation.figures[name].auc:.3f}"
            axes.plot(*evaluation.curves[name].roc, label=label, **_style(name))
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="false positive rate", ylabel="true positive rate")
        _legend(axes, "lower right")
        return _svg(figure)


def precision_recall(evaluation: Evaluation) -> str:
    with _figure("precision-recall") as (figure, [axes]):
        for name in _drawn(evaluation):
            recall, precision = (np.asarray(points) for points in evaluation.curves[name].precision_recall)
            own = evaluation.figures[name]
            start = (
                (recall > 0.01) if name != "base_rate" else recall >= 0
            )  # before that, precision is a few rows' luck
            x, y = recall[start], precision[start]
            if name == "base_rate":
                x, y = np.array([0, 1]), np.full(2, own.positives / own.rows)
            axes.plot(x, y, label=f"{SHORT[name]}  {own.average_precision:.3f}", **_style(name))
        axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="recall", ylabel="precision")
        _legend(axes, "upper right")
        return _svg(figure)


def calibration(evaluation: Evaluation) -> str:
    negatives, positives = (np.asarray(counts) for counts in evaluation.curves[CHALLENGER].scores)
    end = _reach(negatives + positives)
    with _figure("calibration", rows=(3, 1)) as (figure, [above, below]):
        above.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        for name in _drawn(evaluation):
            marked = {"marker": "o", "markersize": 4} if name in {CHALLENGER, CHAMPION, "base_rate"} else {}
            label = f"{SHORT[name]}  {evaluation.figures[name].ece:.3f}"
            above.plot(*evaluation.curves[name].calibration, label=label, **{**_style(name), **marked})
        above.set(ylim=(0, end), ylabel="share of positives")
        _legend(above, "upper left")
        edges = np.linspace(0, 1, len(negatives) + 1)
        below.stairs(positives + negatives, edges, fill=True, color=COLOURS[CHALLENGER], alpha=0.3)
        below.stairs(positives, edges, fill=True, color=COLOURS[CHALLENGER])
        below.set(xlim=(0, end), xlabel="predicted probability", ylabel="rows", yticks=[])
        below.grid(visible=False)
        return _svg(figure)


def _reach(counts: np.ndarray[Any, Any]) -> float:
    """The probability, rounded up to a tenth, below which all but a thousandth of the rows lie."""
    below = np.searchsorted(np.cumsum(counts) / counts.sum(), 0.999) + 1
    return float(np.ceil(below / len(counts) * 10) / 10)


def loss(history: Sequence[Mapping[str, Any]]) -> str:
    """Mean log loss by epoch. ``history`` has an entry for each epoch with ``epoch`` and ``loss``, perhaps ``phase``
    (``choose`` or ``refit``) and ``validation_loss``."""
    from matplotlib.ticker import MaxNLocator

    lines: dict[str, tuple[str, str, str, Any]] = {
        "training": ("loss", "choose", COLOURS["logistic"], "-"),
        "validation": ("validation_loss", "choose", COLOURS[CHALLENGER], "-"),
        "training, refitted": ("loss", "refit", COLOURS["logistic"], (0, (4, 2))),
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

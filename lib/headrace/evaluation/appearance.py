"""How the report names and draws each model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.declare.baselines import BASELINES
from headrace.evaluation.gate import CHALLENGER, CHAMPION

PALETTE = 6  # colours for baselines in templates/report.css; further baselines use them again
DASHES: tuple[Any, ...] = (
    (0, (4, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (2, 3)),
)

# Matplotlib knows no CSS variables. It draws each colour as a code, which the page's variable replaces afterwards.
_COLOURS = ("ink", "muted", "line", CHALLENGER, CHAMPION, *(f"baseline-{n}" for n in range(1, PALETTE + 1)))
CODES = {variable: f"#{number:06x}" for number, variable in enumerate(_COLOURS, start=1)}
VARIABLES = {code: variable for variable, code in CODES.items()}
INK, MUTED, LINE = CODES["ink"], CODES["muted"], CODES["line"]


@dataclass(frozen=True)
class Appearance:
    """A model in tables and charts.

    Args:
        label: its name in a legend.
        variable: the CSS variable of its colour, without dashes in front.
        dashes: matplotlib's line style.
        width: of its line, in points.
        constant: whether it gives every row the same score.
    """

    label: str
    variable: str
    dashes: Any
    width: float
    constant: bool = False

    @property
    def code(self) -> str:
        """The colour that stands for ``variable`` while matplotlib draws."""
        return CODES[self.variable]


def appearances() -> dict[str, Appearance]:
    """Every model that a report can show, the most important first: challenger, champion, then the baselines.

    Baselines get colour and dashes by their place in the registry.
    """
    shown = {name: Appearance(name, name, "-", 2.0) for name in (CHALLENGER, CHAMPION)}
    for place, (name, baseline) in enumerate(BASELINES.items()):
        variable, dashes = f"baseline-{place % PALETTE + 1}", DASHES[place % len(DASHES)]
        shown[name] = Appearance(baseline.label, variable, dashes, 1.3, baseline.constant)
    return shown

"""The gate's verdict and the comparisons behind it, as records."""

from __future__ import annotations

from headrace.frozen import FrozenModel


class Difference(FrozenModel):
    """The gate's metric of the challenger and of another model, on the same rows.

    ``lower`` and ``upper`` are the ends of the confidence interval of ours - theirs.
    """

    ours: float
    theirs: float
    lower: float
    upper: float

    @property
    def value(self) -> float:
        """Ours - theirs."""
        return self.ours - self.theirs

    @property
    def significantly_better(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.lower > 0

    @property
    def significantly_worse(self) -> bool:
        """Whether the whole interval is below 0."""
        return self.upper < 0


class Comparison(FrozenModel):
    """The challenger compared with another model.

    The other model is ``beaten`` when the challenger is significantly better. A comparison that does not decide is
    only reported.
    """

    against: str
    difference: Difference
    beaten: bool
    decides: bool


class SliceFigure(FrozenModel):
    """The challenger on the test rows where ``column`` is ``value``.

    ``lower`` and ``upper`` are the ends of the interval of the challenger's metric. The challenger is ``worse`` when it
    is significantly worse than the champion on these rows.
    """

    column: str
    value: str
    rows: int
    positives: int
    ours: float
    lower: float
    upper: float
    champion: Difference | None = None
    worse: bool = False


class Verdict(FrozenModel):
    """The gate's decision in one sentence, and the figures behind it."""

    passed: bool
    sentence: str
    metric: str
    confidence: float
    comparisons: tuple[Comparison, ...]
    slices: tuple[SliceFigure, ...]

"""What an expectation needs to judge each day of a frame, from one pass over the frame.

A run of Great Expectations costs more than a second and several Spark jobs, whatever the number of rows. Here its
aggregates are computed for all days at once, and each expectation judges each day from that day's values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator

from headrace.faults import raise_of_machine
from headrace.quality.engine import ByDay, DayEngine, is_aggregate, kind

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SUMMARY = {"result_format": "SUMMARY"}
# The metrics that give examples of unexpected rows. Without unexpected rows there are none to look for.
EXAMPLES: dict[str, Any] = {"unexpected_values": [], "unexpected_index_list": None, "unexpected_index_query": None}


@dataclass(frozen=True)
class Figures:
    """What an expectation needs to judge a day: its metrics by name, most of them by day."""

    expectation: Any
    metrics: Mapping[str, Any]
    engine: DayEngine

    def holds(self, on: dt.date) -> bool:
        """Whether the expectation holds on a day."""
        result = self.expectation._validate(self._of_day(on), SUMMARY, self.engine)
        return bool(result["success"] if isinstance(result, dict) else result.success)

    def result(self, days: Sequence[dt.date]) -> Any:
        """Great Expectations' result for a day, or for all rows of several days; it has no examples.

        The counts of several days are added, so the expectation must judge each row.
        """
        values = [self._of_day(on) for on in days]
        metrics = dict(values[0])
        if len(days) > 1:
            counts = [name for name, metric in self.metrics.items() if isinstance(metric, ByDay)]
            metrics |= {name: _sum(of_day[name] for of_day in values) for name in counts}
        named = self.expectation.get_validation_dependencies(self.engine, SUMMARY).metric_configurations
        by_id = {named[name].id: value for name, value in metrics.items()}
        return self.expectation.metrics_validate(by_id, dict(SUMMARY), self.engine)

    def _of_day(self, on: dt.date) -> dict[str, Any]:
        return {
            name: value.aggregates.on(on, value.place) if isinstance(value, ByDay) else value
            for name, value in self.metrics.items()
        }


def figures(frame: DataFrame, day: str, days: Sequence[dt.date], expectations: Sequence[Any]) -> list[Figures | None]:
    """The figures of each expectation by day, in one query for all of them and one for each row condition.

    None stands for an expectation that needs more than aggregates, or whose aggregates cannot be computed.
    """
    engine = DayEngine(frame, day, days)
    needed = [_aggregates(expectation, engine) for expectation in expectations]
    calculator = MetricsCalculator(engine, show_progress_bars=False)
    metrics, _ = calculator.compute_metrics([metric for by_name in needed for metric in by_name.values()], SUMMARY)
    return [
        _figures(expectation, {name: metrics.get(metric.id) for name, metric in by_name.items()}, engine)
        for expectation, by_name in zip(expectations, needed, strict=True)
    ]


def _aggregates(expectation: Any, engine: DayEngine) -> dict[str, MetricConfiguration]:
    """The aggregates that an expectation needs, by name; none if it needs anything else."""
    needed = expectation.get_validation_dependencies(engine, SUMMARY).metric_configurations
    counted = {name: metric for name, metric in needed.items() if kind(name) not in EXAMPLES}
    return counted if all(is_aggregate(metric.metric_name, engine) for metric in counted.values()) else {}


def _figures(expectation: Any, metrics: dict[str, Any], engine: DayEngine) -> Figures | None:
    if not metrics or any(value is None or not _is_computed(value) for value in metrics.values()):
        return None
    needed = expectation.get_validation_dependencies(engine, SUMMARY).metric_configurations
    examples = {name: EXAMPLES[kind(name)] for name in needed if kind(name) in EXAMPLES}
    found = Figures(expectation, metrics | examples, engine)
    return found if _can_judge(found) else None


def _can_judge(found: Figures) -> bool:
    """Whether the expectation judges each day without an error, such as from comparing a text with a number."""
    try:
        for on in found.engine.days:
            found.holds(on)
    except Exception:  # Great Expectations makes it the expectation's result
        return False
    return True


def _is_computed(value: Any) -> bool:
    """Whether Spark can compute an aggregate; such as a comparison of text with a number, it cannot."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        return not isinstance(value, ByDay) or value.aggregates.by_day is not None
    except (PySparkException, Py4JError) as failure:
        raise_of_machine(str(failure))
        return False


def _sum(values: Iterable[Any]) -> Any:
    """The sum of counts; a count of no rows may be None."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None

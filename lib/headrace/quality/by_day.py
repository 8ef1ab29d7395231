"""Judge expectations day by day, with one pass over a frame of many days.

A run of Great Expectations costs more than a second, whatever the number of rows. Its aggregates are therefore computed
for all days at once, in one grouped query, and each expectation judges each day from that day's values.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.util import convert_to_json_serializable
from great_expectations.validator.metrics_calculator import MetricsCalculator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# It reports each metric that fails with its stack; the expectation stays undecided, and is judged in another way.
logging.getLogger("great_expectations.validator.metrics_calculator").setLevel(logging.ERROR)

BOOLEAN_ONLY = {"result_format": "BOOLEAN_ONLY"}
SAME_ON_ALL_DAYS = ("table.columns", "table.column_types")


@dataclass(frozen=True)
class ByDay:
    """An aggregate's value on each day that has rows.

    It is not a number on purpose: a metric that computes with another one's value fails, and its expectation stays
    undecided.
    """

    values: Mapping[dt.date, Any]


class DayEngine(SparkDFExecutionEngine):  # type: ignore[misc]
    """Great Expectations' engine for Spark, which groups the aggregates of a frame by day."""

    def __init__(self, frame: DataFrame, day: str) -> None:
        super().__init__(spark=frame.sparkSession, persist=False, batch_data_dict={"days": frame})
        self._day = day

    def resolve_metric_bundle(self, metric_fn_bundle: Iterable[Any]) -> dict[Any, ByDay]:
        """The bundled aggregates, which may each have a row condition."""
        by_domain: dict[str, list[Any]] = {}
        for aggregate in metric_fn_bundle:
            by_domain.setdefault(str(aggregate.compute_domain_kwargs), []).append(aggregate)
        resolved: dict[Any, ByDay] = {}
        for aggregates in by_domain.values():
            domain = self.get_domain_records(domain_kwargs=aggregates[0].compute_domain_kwargs or {})
            rows = domain.groupBy(self._day).agg(*[aggregate.metric_fn for aggregate in aggregates]).collect()
            for place, aggregate in enumerate(aggregates, start=1):
                values = {row[0]: convert_to_json_serializable(row[place]) for row in rows}
                resolved[aggregate.metric_configuration.id] = ByDay(values)
        return resolved


def judge(
    frame: DataFrame, day: str, days: Sequence[dt.date], expectations: Sequence[Any]
) -> Iterator[dict[dt.date, bool | None]]:
    """For each expectation, whether it holds on each of ``days``.

    None means undecided: the day has no rows, or the expectation needs more than aggregates.
    """
    engine = DayEngine(frame, day)
    runtime = {"result_format": BOOLEAN_ONLY}
    needed = [e.get_validation_dependencies(engine, runtime).metric_configurations for e in expectations]
    metrics, _ = MetricsCalculator(engine).compute_metrics([m for by_name in needed for m in by_name.values()], runtime)
    for expectation, by_name in zip(expectations, needed, strict=True):
        found = {name: metrics.get(metric.id) for name, metric in by_name.items()}
        yield {on: _holds(expectation, found, on, engine) for on in days}


def _holds(expectation: Any, metrics: Mapping[str, Any], day: dt.date, engine: DayEngine) -> bool | None:
    of_day = {}
    for name, value in metrics.items():
        if isinstance(value, ByDay) and day in value.values:
            of_day[name] = value.values[day]
        elif name in SAME_ON_ALL_DAYS and value is not None:
            of_day[name] = value
        else:
            return None
    result = expectation._validate(of_day, {"result_format": BOOLEAN_ONLY}, engine)
    return bool(result["success"] if isinstance(result, dict) else result.success)

"""Great Expectations' engine for Spark, which computes all aggregates of a frame in one query, grouped by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.registry import get_metric_provider
from great_expectations.util import convert_to_json_serializable
from great_expectations.validator.metric_configuration import MetricConfiguration

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SAME_ON_ALL_DAYS = ("table.columns", "table.column_types")
UNEXPECTED_COUNT = "unexpected_count"
REPEATED_COUNT = "column_values.unique.unexpected_count"  # Great Expectations sorts all rows by the value to count them


@dataclass
class Aggregates:
    """Aggregates of the same rows, such as the rows that meet a condition, with their values on each day."""

    rows: DataFrame
    day: str
    days: Sequence[dt.date]
    columns: list[Column] = field(default_factory=list)

    @cached_property
    def by_day(self) -> Mapping[dt.date, Sequence[Any]]:
        if len(self.days) == 1:  # groups would cost a look-up for each row
            return {self.days[0]: self.rows.agg(*self.columns).collect()[0]}
        return {row[0]: row[1:] for row in self.rows.groupBy(self.day).agg(*self.columns).collect()}

    @cached_property
    def without_rows(self) -> Sequence[Any]:
        from pyspark.sql import functions as F

        return self.rows.filter(F.lit(False)).agg(*self.columns).collect()[0]

    def on(self, day: dt.date, place: int) -> Any:
        """The value of an aggregate on a day, as Great Expectations wants it."""
        values = self.by_day.get(day)
        return convert_to_json_serializable((self.without_rows if values is None else values)[place])


@dataclass(frozen=True)
class ByDay:
    """An aggregate that is computed once somebody asks for its value on a day.

    It is not a number on purpose: a metric that computes with another one's value fails, and its expectation is left
    to Great Expectations.
    """

    aggregates: Aggregates
    place: int


class DayEngine(SparkDFExecutionEngine):  # type: ignore[misc]
    """Great Expectations' engine for Spark. It collects the aggregates of a graph, to compute them all by day at once.

    Great Expectations itself runs one query for each level of the graph, and for each count of a condition on several
    columns.
    """

    def __init__(self, frame: DataFrame, day: str, days: Sequence[dt.date]) -> None:
        super().__init__(spark=frame.sparkSession, persist=False, batch_data_dict={"days": frame})
        self._day, self.days = day, days
        self._of_domain: dict[str, Aggregates] = {}

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[MetricConfiguration],
        metrics: Mapping[Any, Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """Metrics that are ready; counts of a condition become aggregates."""
        counts = {metric for metric in metrics_to_resolve if _is_count(metric.metric_name, self)}
        others = set(metrics_to_resolve) - counts
        resolved = dict(super().resolve_metrics(others, metrics, runtime_configuration)) if others else {}
        return resolved | {metric.id: self._count(metric, metrics or {}) for metric in counts}

    def resolve_metric_bundle(self, metric_fn_bundle: Iterable[Any]) -> dict[Any, ByDay]:
        """The bundled aggregates, which may each have a row condition."""
        return {
            aggregate.metric_configuration.id: self._added(aggregate.compute_domain_kwargs or {}, aggregate.metric_fn)
            for aggregate in metric_fn_bundle
        }

    def _count(self, metric: MetricConfiguration, metrics: Mapping[Any, Any]) -> ByDay:
        """The rows that meet a condition, or all rows to which the condition applies."""
        from pyspark.sql import functions as F

        if metric.metric_name == REPEATED_COUNT:
            return self._repeated(metric.metric_domain_kwargs)
        unexpected, domain, columns = metrics[metric.metric_dependencies["unexpected_condition"].id]
        is_unexpected = kind(metric.metric_name) == UNEXPECTED_COUNT
        return self._added({**domain, **columns}, F.count_if(unexpected) if is_unexpected else F.count(F.lit(1)))

    def _repeated(self, domain: dict[str, Any]) -> ByDay:
        """The rows of a day that share their value with another row of the day."""
        from pyspark.sql import functions as F

        value = F.col(f"`{domain['column']}`")
        with_value = self.get_domain_records(domain_kwargs=domain).filter(value.isNotNull())
        by_value = with_value.groupBy(self._day, value.alias("_value")).agg(F.count(F.lit(1)).alias("_rows"))
        repeated = F.sum(F.when(F.col("_rows") > 1, F.col("_rows")))
        return ByDay(Aggregates(by_value, self._day, self.days, [F.coalesce(repeated, F.lit(0))]), 0)

    def _added(self, domain: dict[str, Any], aggregate: Column) -> ByDay:
        if str(domain) not in self._of_domain:
            rows = self.get_domain_records(domain_kwargs=domain)
            self._of_domain[str(domain)] = Aggregates(rows, self._day, self.days)
        together = self._of_domain[str(domain)]
        together.columns.append(aggregate)
        return ByDay(together, len(together.columns) - 1)


def is_aggregate(metric: str, engine: DayEngine) -> bool:
    """Great Expectations has no function for the value of an aggregate: it bundles them into a query."""
    _, function = get_metric_provider(metric, engine)
    return function is None or metric in SAME_ON_ALL_DAYS or _is_count(metric, engine)


def _is_count(metric: str, engine: DayEngine) -> bool:
    """Whether a metric counts rows by a condition on each of them, with a query of its own.

    Of the conditions on a window of rows, only whether a value is unique is of this kind.
    """
    if metric == REPEATED_COUNT:
        return True
    _, function = get_metric_provider(metric, engine)
    if function is None or kind(metric) not in (UNEXPECTED_COUNT, "filtered_row_count"):
        return False
    _, condition = get_metric_provider(f"{metric.rpartition('.')[0]}.condition", engine)
    return bool(condition.metric_fn_type == MetricPartialFunctionTypes.MAP_CONDITION_FN)


def kind(metric: str) -> str:
    return metric.rpartition(".")[2]

"""Judge a suite on each day of a frame: aggregates in one pass, and the rest by Great Expectations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from great_expectations.core.expectation_validation_result import ExpectationValidationResult

from headrace.quality.by_day import Figures, figures
from headrace.quality.expectations import Results, Suite, error

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Judge:
    """Judges a suite on some days of a frame.

    Great Expectations looks for examples of unexpected rows, at the cost of two Spark jobs for each expectation. It is
    asked for them only where an expectation fails.
    """

    def __init__(self, suite: Suite, frame: DataFrame, day: str, days: Sequence[dt.date]) -> None:
        self.suite, self._frame, self._day, self._days = suite, frame, day, days

    @cached_property
    def failed(self) -> dict[dt.date, list[int]]:
        """The days on which expectations fail, each with the places of these expectations."""
        by_day = {on: [p for p in self._places if not self._holds(p, on)] for on in self._days}
        return {on: places for on, places in by_day.items() if places}

    @cached_property
    def errors(self) -> Results:
        """The expectations that cannot be judged on any day, such as for a column that does not exist."""
        return {place: result for place, result in self._of_all.items() if error(result)}

    def results(self, on: dt.date) -> Results:
        """The results on a day; the result of a failed expectation has examples."""
        failed = self.suite.run(self._rows(on), [p for p in self.failed.get(on, ()) if not self._has_examples(p)])
        return {place: failed[place] if place in failed else self._result(place, on) for place in self._places}

    def results_of_all(self) -> Results:
        """The results on all days together. An expectation succeeds if it holds on each day.

        Where each day is judged by more than its single rows, the result has only the verdict.
        """
        if len(self._days) == 1:
            return self.results(self._days[0])
        return {place: self._of_range(place) for place in self._places}

    @property
    def _places(self) -> range:
        return range(len(self.suite.expectations))

    @cached_property
    def _figures(self) -> list[Figures | None]:
        return figures(self._frame, self._day, self._days, self.suite.expectations)

    @cached_property
    def _of_all(self) -> Results:
        """Results on all days together, of expectations that need more than aggregates and hold for parts."""
        alone = len(self._days) == 1
        others = [place for place in self._places if self._figures[place] is None]
        chosen = [place for place in others if alone or self.suite.holds_for_parts(place)]
        of_rows = [place for place in chosen if self.suite.judges_rows(place)]
        found = self.suite.run(self._frame, of_rows, "BOOLEAN_ONLY")
        return found | self.suite.run(self._frame, [place for place in chosen if place not in of_rows])

    @cached_property
    def _on_each_day(self) -> dict[dt.date, Results]:
        """Results on each day, of expectations that need more than aggregates and were not judged on all together."""
        judged = {place for place, result in self._of_all.items() if result.success or len(self._days) == 1}
        others = [place for place in self._places if self._figures[place] is None and place not in judged]
        if not others:
            return {}
        with_rows = {row[0] for row in self._frame.select(self._day).distinct().collect()}
        found = {on: self.suite.run(self._rows(on), others, "BOOLEAN_ONLY") for on in self._days if on in with_rows}
        if len(found) == len(self._days):
            return found
        return dict.fromkeys(self._days, self.suite.run(self._frame.limit(0), others, "BOOLEAN_ONLY")) | found

    def _holds(self, place: int, on: dt.date) -> bool:
        found = self._figures[place]
        return found.holds(on) if found is not None else bool(self._result(place, on).success)

    def _result(self, place: int, on: dt.date) -> Any:
        found = self._figures[place]
        if found is not None:
            return found.result([on])
        if place in self.errors:
            return self.errors[place]
        on_day = self._on_each_day.get(on, {})
        return on_day[place] if place in on_day else self._of_all[place]

    def _has_examples(self, place: int) -> bool:
        is_complete = len(self._days) == 1 and place in self._of_all and not self.suite.judges_rows(place)
        return is_complete or place in self.errors

    def _of_range(self, place: int) -> Any:
        found = self._figures[place]
        if found is not None and self.suite.judges_rows(place):
            result = found.result(self._days)
        elif place in self._of_all:
            result = self._of_all[place]
        else:
            configuration = self.suite.expectations[place].configuration
            result = ExpectationValidationResult(success=True, expectation_config=configuration)
        result.success = not any(place in places for places in self.failed.values())
        return result

    def _rows(self, on: dt.date) -> DataFrame:
        from pyspark.sql import functions as F

        return self._frame if len(self._days) == 1 else self._frame.filter(F.col(self._day) == F.lit(on))

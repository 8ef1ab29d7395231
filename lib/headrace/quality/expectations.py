"""A suite of expectations and how Great Expectations runs it: on a range, on a day, and on many days."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Container, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read on import

import great_expectations as gx
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.core import ExpectationSuite
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.expectations import core
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)

from headrace.errors import DeclarationError
from headrace.quality.by_day import judge

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_OF_ROWS = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)


class Suite:
    """A suite in a folder where Great Expectations keeps results and data docs."""

    def __init__(self, file: Path, table: str, folder: Path) -> None:
        """Read the suite.

        Raises:
            DeclarationError: the file is not a suite.
        """
        self._table = table
        self._context = gx.get_context(mode="file", project_root_dir=folder)
        self._context.variables.progress_bars = {"globally": False}
        try:
            self._content = json.loads(file.read_text(encoding="utf-8"))
            self._parsed = ExpectationSuite(**self._content)
        except (ValueError, TypeError, gx.exceptions.GreatExpectationsError) as wrong:
            raise DeclarationError(f"{file} is not a Great Expectations suite: {wrong}") from None
        source = self._context.data_sources.add_or_update_spark(table)
        self._batch = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("batch")

    @cached_property
    def hold_for_parts(self) -> list[int]:
        """The places of expectations that hold for each day if they hold for a range.

        Every row must meet them, and fewer rows cannot break them. The converse may not hold: a value can be unique on
        each day, and not in the range.
        """
        return [place for place, e in enumerate(self._parsed.expectations) if _holds_for_parts(e)]

    def run(self, frame: DataFrame, name: str, only: Sequence[int] | None = None) -> dict[int, Any]:
        """Run the expectations, or ``only`` those at some places, and render their page.

        Returns the failed results by the place of their expectation.
        """
        if only is not None and not only:
            return {}
        suite = self._context.suites.add_or_update(self._part(only))
        definition = self._context.validation_definitions.add_or_update(
            gx.ValidationDefinition(name=suite.name, data=self._batch, suite=suite)
        )
        checkpoint = gx.Checkpoint(
            name=suite.name,
            validation_definitions=[definition],
            actions=[UpdateDataDocsAction(name="docs")],
            result_format="SUMMARY",
        )
        outcome = self._context.checkpoints.add_or_update(checkpoint).run(
            batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name=f"{self._table}-{name}")
        )
        places = only if only is not None else range(len(suite.expectations))
        place_of = dict(zip((expectation.id for expectation in suite.expectations), places, strict=True))
        results = [result for run in outcome.run_results.values() for result in run.results if not result.success]
        return {place_of[result.expectation_config.id]: result for result in results}

    def suspects(self, frame: DataFrame, day: str, days: Sequence[dt.date], failed: Container[int]) -> list[dt.date]:
        """The days on which some expectation does not hold, in order.

        Args:
            failed: which of ``hold_for_parts`` failed on all days together; the others are not judged again.
        """
        from pyspark.sql import functions as F

        expectations = {
            place: expectation
            for place, expectation in enumerate(self._parsed.expectations)
            if place not in self.hold_for_parts or place in failed
        }
        if not expectations:
            return []
        verdicts = dict(zip(expectations, judge(frame, day, days, list(expectations.values())), strict=True))
        with_rows = {row[0] for row in frame.select(day).distinct().collect()}

        @cache
        def hold_without_rows(places: tuple[int, ...]) -> bool:
            return self._hold(frame.filter(F.lit(False)), places)

        def fails(on: dt.date) -> bool:
            if any(by_day[on] is False for by_day in verdicts.values()):
                return True
            undecided = tuple(place for place, by_day in verdicts.items() if by_day[on] is None)
            if not undecided:
                return False
            if on not in with_rows:
                return not hold_without_rows(undecided)
            return not self._hold(frame.filter(F.col(day) == F.lit(on)), undecided)

        return [on for on in days if fails(on)]

    def _hold(self, frame: DataFrame, places: Sequence[int]) -> bool:
        """Whether some expectations hold; nothing is kept."""
        batch = self._batch.get_batch(batch_parameters={"dataframe": frame})
        return bool(batch.validate(self._part(places), result_format="BOOLEAN_ONLY").success)

    def _part(self, places: Sequence[int] | None) -> ExpectationSuite:
        """The suite, or a suite of the expectations at some places."""
        if places is None:
            return ExpectationSuite(**self._content)
        chosen = [self._content["expectations"][place] for place in places]
        return ExpectationSuite(name=f"{self._content['name']}-of-each-row", expectations=chosen)


def _holds_for_parts(expectation: Any) -> bool:
    """Whether the expectation holds for any part of the rows for which it holds."""
    if isinstance(expectation, core.ExpectColumnValueZScoresToBeLessThan):
        return False  # the mean of a part is another one
    if isinstance(expectation, core.ExpectColumnDistinctValuesToBeInSet):
        return True
    return isinstance(expectation, _OF_ROWS) and expectation.mostly == 1

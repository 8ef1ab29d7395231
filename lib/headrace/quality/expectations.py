"""A suite of expectations, and Great Expectations' own run of some of them on a frame."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read on import

import great_expectations as gx
from great_expectations.core import ExpectationSuite
from great_expectations.expectations import core
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)

from headrace.errors import DeclarationError
from headrace.faults import raise_of_machine

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# It reports each metric that fails with its stack; the result of the expectation has the error, too.
logging.getLogger("great_expectations.validator.metrics_calculator").setLevel(logging.ERROR)

_OF_ROWS = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)

Results = dict[int, Any]  # Great Expectations' results by the place of the expectation in the suite


class Suite:
    """The expectations of a file, each known by its place."""

    def __init__(self, file: Path) -> None:
        """Read the suite.

        Raises:
            DeclarationError: the file is not a suite.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            listed = enumerate(content.pop("expectations", ()))
            numbered = [{**expectation, "id": str(uuid.UUID(int=place))} for place, expectation in listed]
            parsed = ExpectationSuite(**content, expectations=numbered)
        except (AttributeError, ValueError, TypeError, gx.exceptions.GreatExpectationsError) as wrong:
            raise DeclarationError(f"{file} is not a Great Expectations suite: {wrong}") from None
        self.name: str = parsed.name
        self.expectations: list[Any] = list(parsed.expectations)

    def judges_rows(self, place: int) -> bool:
        """Whether the expectation judges each row by itself, so that the counts of several days can be added."""
        expectation = self.expectations[place]
        # A row's z-score depends on the mean of all rows.
        is_relative = isinstance(expectation, core.ExpectColumnValueZScoresToBeLessThan)
        return isinstance(expectation, _OF_ROWS) and not is_relative

    def holds_for_parts(self, place: int) -> bool:
        """Whether the expectation holds for each day if it holds for a range.

        Every row must meet it, and fewer rows cannot break it. The converse may not hold: a value can be unique on each
        day, and not in the range.
        """
        expectation = self.expectations[place]
        if isinstance(expectation, core.ExpectColumnDistinctValuesToBeInSet):
            return True
        return self.judges_rows(place) and expectation.mostly == 1

    def run(self, frame: DataFrame, places: Sequence[int], result_format: str = "SUMMARY") -> Results:
        """Let Great Expectations judge the expectations at some places on all rows of a frame."""
        if not places:
            return {}
        chosen = [self.expectations[place].configuration for place in places]
        part = ExpectationSuite(name=self.name, expectations=chosen)
        batch = self._batch.get_batch(batch_parameters={"dataframe": frame})
        results = batch.validate(part, result_format=result_format).results
        return {uuid.UUID(result.expectation_config.id).int: result for result in results}

    @cached_property
    def _batch(self) -> Any:
        """Any frame as Great Expectations sees it. Nothing is kept on a disk, and no frame in memory."""
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_spark(self.name, persist=False).add_dataframe_asset(self.name)
        return asset.add_batch_definition_whole_dataframe("batch")


def error(result: Any) -> str:
    """What Great Expectations raised instead of judging; it reports one error, or one for each metric.

    Raises:
        HeadraceError, RuntimeError: a machine or a service failed, so that the rows were not judged.
    """
    info = result.exception_info or {}
    errors = [info] if "raised_exception" in info else list(info.values())
    message = next((str(error["exception_message"]) for error in errors if error["raised_exception"]), "")
    raise_of_machine(message)
    return message

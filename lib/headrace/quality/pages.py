"""The pages of a suite and of its results, as Great Expectations renders them."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    expectationSuiteValidationResultSchema,
)
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.render.renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from great_expectations.validator.validator import calc_validation_statistics

from headrace.quality.expectations import Results, Suite
from headrace.quality.offline import offline_page


def results_page(suite: Suite, title: str, results: Results, at: dt.datetime, suite_link: str) -> str:
    """The HTML of some results of a suite; it needs no internet.

    Args:
        title: what was judged, such as a table with a range of days.
        at: when it was judged.
        suite_link: where the suite's page is.
    """
    listed: list[Any] = [results[place] for place in sorted(results)]
    found = calc_validation_statistics(listed)
    judged = ExpectationSuiteValidationResult(
        success=found.success,
        results=listed,
        suite_name=suite.name,
        statistics=found._asdict(),
        meta={"run_id": RunIdentifier(run_name=title, run_time=at)},
    )
    # Its renderer expects the values as they are in JSON, where Great Expectations itself would have stored them.
    stored = expectationSuiteValidationResultSchema.loads(json.dumps(judged.to_json_dict()))
    return _html(ValidationResultsPageRenderer().render(stored), suite_link)


def suite_page(suite: Suite) -> str:
    """The HTML that lists the expectations of a suite; it needs no internet."""
    listed = ExpectationSuite(name=suite.name, expectations=[e.configuration for e in suite.expectations])
    return _html(ExpectationSuitePageRenderer().render(listed), "")


def _html(rendered: Any, suite_link: str) -> str:
    return offline_page(DefaultJinjaPageView().render(rendered), suite_link)

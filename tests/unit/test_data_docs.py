"""The pages of a suite's results, as Great Expectations renders them, are readable without the internet."""

from __future__ import annotations

import datetime as dt
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from headrace.errors import OutOfMemoryError, StorageError
from headrace.quality import docs
from headrace.quality.offline import MARK

pytestmark = pytest.mark.slow
AT = dt.datetime(2026, 1, 2, 10, 23, 45, tzinfo=dt.UTC)


class Page(HTMLParser):
    """What a page loads from elsewhere, where it links to, its tables' cells, and its collapsed parts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        self.ids.add(named.get("id") or "")
        if tag == "a":
            self.links.append(named.get("href") or "")
        else:
            self.loads += [value for name in ("src", "href") if (value := named.get(name))]
        if tag in ("td", "th"):
            self.in_cell = tag == "td"
            self.cells += [""] * self.in_cell

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.cells[-1] += data.strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site after a suite with three expectations: one succeeds, one fails, and one raises."""
    from headrace.quality.expectations import Suite
    from headrace.quality.pages import results_page, suite_page

    site = tmp_path_factory.mktemp("site")
    file = site.with_suffix(".json")
    expectations = [
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1, "max_value": 10}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "absent"}},
    ]
    file.write_text(json.dumps({"name": "sales.orders", "expectations": expectations}))
    suite = Suite(file)
    of_suite = docs.suite_page_name(suite.name, "1f2e3d4c5b")
    name = docs.page_name("sales.orders-2026-01-01", False, AT)
    page = results_page(suite, "sales.orders-2026-01-01", results(suite.expectations), AT, of_suite)
    docs.save(site, AT.date(), {name: page}, {of_suite: lambda: suite_page(suite)})
    return site


def results(expectations: list[object]) -> dict[int, object]:
    """The expectations' results on two rows, judged by Great Expectations on pandas."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    frame = {"dataframe": pd.DataFrame({"amount": [1.0, -2.0]})}
    batch = asset.add_batch_definition_whole_dataframe("batch").get_batch(batch_parameters=frame)
    return {place: batch.validate(expectation) for place, expectation in enumerate(expectations)}


def pages(site: Path) -> dict[str, Page]:
    """Every page by its path in the site."""
    return {str(p.relative_to(site)): Page(p.read_text(encoding="utf-8")) for p in site.rglob("*.html")}


def result(site: Path) -> Page:
    (page,) = (page for path, page in pages(site).items() if "-failed-" in path)
    return page


def test_no_page_loads_anything_from_the_internet_or_needs_a_script(site: Path) -> None:
    assert len(pages(site)) == 4
    for path, page in pages(site).items():
        assert page.loads == []
        assert "script" not in page.tags
        text = (site / path).read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", text)
        assert text.count(f'id="{MARK}"') == 1


def test_every_relative_link_leads_somewhere(site: Path) -> None:
    """Navigation, the tabs and the collapsed parts, which open as the target of their link."""
    for path, page in pages(site).items():
        for link in page.links:
            if link.startswith("#"):
                assert link == "#" or link[1:] in page.ids
            elif not link.startswith("https://"):
                assert (site / path).parent.joinpath(link).is_file(), f"{path} links to {link}"


def test_the_first_page_leads_to_the_day_and_the_day_to_results_and_suites(site: Path) -> None:
    found = pages(site)
    assert found["index.html"].links == ["2026-01-02/index.html"]
    day = found["2026-01-02/index.html"]
    assert day.cells == ["10:23:45", "sales.orders-2026-01-01", "failed", "sales.orders"]
    assert {f"2026-01-02/{link}" for link in day.links[1:]} == found.keys() - {"index.html", "2026-01-02/index.html"}


def test_a_result_shows_what_was_found(site: Path) -> None:
    assert "-2.0" in result(site).cells
    assert "50% unexpected" in result(site).cells
    assert any("raised an exception" in cell for cell in result(site).cells)


def test_the_page_of_a_suite_shows_its_expectations(site: Path) -> None:
    (text,) = (path.read_text() for path in site.rglob("suite-*.html"))
    assert "greater than or equal to" in text
    assert "absent" in text


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Py4JJavaError: Job aborted: Unable to acquire 262144 bytes of memory, got 0.", OutOfMemoryError),
        ("Py4JJavaError: ... s3a.AWSServiceThrottledException: Slow Down", StorageError),
        ("Py4JJavaError: Job aborted due to stage failure: ExecutorLostFailure (executor 1 exited)", RuntimeError),
    ],
)
def test_a_machine_that_fails_in_an_expectation_refuses_no_day(message: str, kind: type[Exception]) -> None:
    """Great Expectations reports any error as a failed expectation, which would refuse the day for good."""
    from headrace.quality.expectations import error

    def failed(message: str) -> SimpleNamespace:
        return SimpleNamespace(exception_info={"raised_exception": True, "exception_message": message})

    with pytest.raises(kind):
        error(failed(message))
    assert error(failed("column absent does not exist")) == "column absent does not exist"

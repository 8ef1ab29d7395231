"""Great Expectations' data docs, rendered by itself from a small frame, are readable without the internet."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from headrace.quality.offline import MARK, make_offline

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What a page loads from elsewhere, where it links to, its tables' cells, and its collapsed parts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        self.ids.add(named.get("id") or "")
        if tag == "a":
            self.links.append(named.get("href") or "")
        else:
            self.loads += [value for name in ("src", "href") if (value := named.get(name))]
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered site of a suite with three expectations: one succeeds, one fails, and one raises."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    import pandas as pd
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core import ExpectationSuite

    folder = tmp_path_factory.mktemp("data_docs")
    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = {"globally": False}
    expectations = [
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1, "max_value": 10}},
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "absent"}},
    ]
    suite = context.suites.add(ExpectationSuite(name="orders", expectations=expectations))
    asset = context.data_sources.add_pandas("sales.orders").add_dataframe_asset("sales.orders")
    batch = asset.add_batch_definition_whole_dataframe("batch")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name="sales.orders", data=batch, suite=suite)
    )
    actions = [UpdateDataDocsAction(name="docs")]
    checkpoint = gx.Checkpoint(name="sales.orders", validation_definitions=[definition], actions=actions)
    context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": pd.DataFrame({"amount": [1.0, -2.0]})})
    make_offline(folder)
    return folder / "gx" / "uncommitted" / "data_docs" / "local_site"


def pages(site: Path) -> dict[str, Page]:
    """Every page by its path in the site."""
    return {str(p.relative_to(site)): Page(p.read_text(encoding="utf-8")) for p in site.rglob("*.html")}


def test_no_page_loads_anything_from_the_internet_or_needs_a_script(site: Path) -> None:
    assert len(pages(site)) == 3
    for path, page in pages(site).items():
        assert [address for address in page.loads if re.match(r"(https?:)?//", address)] == []
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


def test_the_first_page_lists_results_and_suites_with_links(site: Path) -> None:
    index = pages(site)["index.html"]
    (result,) = (path for path in pages(site) if path.startswith("validations/"))
    assert result in index.links
    assert "expectations/orders.html" in index.links
    assert "sales.orders" in index.cells
    assert "orders" in index.cells


def test_a_result_shows_what_was_found(site: Path) -> None:
    (result,) = (page for path, page in pages(site).items() if path.startswith("validations/"))
    assert "-2.0" in result.cells
    assert "50% unexpected" in result.cells
    assert any("raised an exception" in cell for cell in result.cells)


def test_pages_that_are_done_are_not_written_again(site: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*.html")}
    make_offline(site)
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*.html")} == before

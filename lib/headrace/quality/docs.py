"""The data docs: pages in a folder for each day (UTC), a page that lists each folder, and a page that lists the days.

A run writes its own pages, and lists their folder again. It reads no page of an earlier run, so it costs the same
however many there are. A page's name says all that the list shows: ``102345-orders-2026-01-01-failed-1f2e3d4c.html``.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from html import escape
from urllib.parse import quote

from headrace.quality.offline import INDEX, stylesheet
from headrace.storage import Place, for_each, read_tagged, read_text, replace_if, write

SUITE = "suite-"  # begins the names of suites' pages
FAILED, PASSED = "failed", "passed"

_RESULTS = re.compile(r"(\d\d)(\d\d)(\d\d)-(.*)-(failed|passed)-[0-9a-f]{8}\.html")
_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)


def page_name(title: str, succeeds: bool, at: dt.datetime) -> str:
    """The name of a page of results, which no other run has."""
    verdict = PASSED if succeeds else FAILED
    return f"{at:%H%M%S}-{_UNSAFE.sub('_', title)}-{verdict}-{uuid.uuid4().hex[:8]}.html"


def suite_page_name(suite: str, digest: str) -> str:
    """The name of a suite's page. Another content of the suite has another page."""
    return f"{SUITE}{_UNSAFE.sub('_', suite)}-{digest[:8]}.html"


def save(site: Place, day: dt.date, pages: Mapping[str, str], shared: Mapping[str, Callable[[], str]]) -> None:
    """Add a run's pages to a day's folder of the site, and list them.

    Args:
        pages: the HTML of the run's pages by name.
        shared: what makes the HTML of pages that an earlier run may have written.
    """
    folder = site / day.isoformat()
    missing = {name: make() for name, make in shared.items() if not (folder / name).is_file()}
    added = {**missing, **pages}
    for_each(site, lambda name: write(folder / name, added[name].encode()), added)
    _rewrite(folder / INDEX, lambda: _list_of_pages(day, folder))
    if f'href="{day}/{INDEX}"' not in read_text(site / INDEX):
        list_days(site)


def list_days(site: Place) -> None:
    """Write the first page of the site again: it lists the days that have pages."""
    _rewrite(site / INDEX, lambda: _list_of_days(site))


def _rewrite(page: Place, content: Callable[[], str]) -> None:
    """Write a list again. It is made after the old list was read, so it has the pages of everybody who was first.

    Of two runs that write at once, one finds that the list has changed, and makes it again.
    """
    is_written = False
    while not is_written:
        found = read_tagged(page)
        unique = f"<!-- {uuid.uuid4().hex} -->\n"
        is_written = replace_if(page, (content() + unique).encode(), found[1] if found else None)


def _list_of_pages(day: dt.date, folder: Place) -> str:
    names = sorted((path.name for path in folder.glob("*.html") if not path.name.startswith(".")), reverse=True)
    results = [(name, *found.groups()) for name in names if (found := _RESULTS.fullmatch(name))]
    rows = [
        f"<td>{hour}:{minute}:{second}</td><td>{_link(name, title)}</td><td>{_verdict(verdict)}</td>"
        for name, hour, minute, second, title, verdict in results
    ]
    suites = [f"<td>{_link(name, name[len(SUITE) : -len('-12345678.html')])}</td>" for name in names if _is_suite(name)]
    up = f'<p><a href="../{INDEX}">All days</a></p>'
    tables = _table(("time (UTC)", "rows", "verdict"), rows) + _table(("suite",), suites)
    return _page(f"Data docs of {day}", up + tables)


def _list_of_days(site: Place) -> str:
    days = sorted((path.name for path in site.glob("*") if path.name != INDEX and path.name[0] != "."), reverse=True)
    return _page("Data docs", _table(("day of the run",), [f"<td>{_link(f'{day}/{INDEX}', day)}</td>" for day in days]))


def _is_suite(name: str) -> bool:
    return name.startswith(SUITE)


def _verdict(verdict: str) -> str:
    return f'<span class="text-{"danger" if verdict == FAILED else "success"}">{verdict}</span>'


def _link(to: str, text: str) -> str:
    return f'<a href="{quote(to)}">{escape(text)}</a>'


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    columns = "".join(f"<th>{column}</th>" for column in head)
    return f'<table class="table"><thead><tr>{columns}</tr></thead>\n<tbody>{body}</tbody></table>\n'


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{title}</title>\n{stylesheet()}'
    return (
        f'<!DOCTYPE html>\n<html><head>{head}</head>\n<body><div class="container-fluid"><h4>{title}</h4>\n'
        f"{body}</div></body></html>\n"
    )

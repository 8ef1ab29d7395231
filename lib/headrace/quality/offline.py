"""Make a page of Great Expectations readable without the internet, in a folder with the other pages of its day.

The pages that it renders load Bootstrap, jQuery, icons and the logo from the internet, and build some tables with
scripts. Here each page gets one stylesheet of ours inside it, those tables as plain HTML, and no script at all.
"""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from typing import Any

INDEX = "index.html"  # the page that lists the other pages of its folder
MARK = "headrace-data-docs"  # the id of our style element

_HOME_LINK = re.compile(r"""(?<=href=")(\.\./)+index\.html(?=")""")  # it expects a tree of folders
_SUITE_LINK = re.compile(r"""(?<=href=")(\.\./)+expectations/[^"]*(?=")""")
_ICON = re.compile(r"""<link\s+rel="shortcut icon"[^>]*>\s*""")
_REMOTE_STYLE = re.compile(r"""<link\b[^>]*\bhref=["']https?:[^>]*>\s*""")
_REMOTE_IMAGE = re.compile(r"""<img\b[^>]*\bsrc=["']https?:[^>]*\balt="([^"]*)"[^>]*>""")
_REMOTE_URL = re.compile(r"""url\(\s*["']?https?:[^)]*\)""")
_DARK_STYLE = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
_SCRIPT = re.compile(r"<script\b.*?</script>\s*", re.DOTALL)
_FOOTER = re.compile(r"<footer\b.*?</footer>\s*", re.DOTALL)  # invites to a newsletter and to tutorials
_EMPTY_TABLE = re.compile(r"""(<table\s+id="([^"]+)"[^>]*>)\s*</table>""")


def stylesheet() -> str:
    """Our stylesheet, as an element of a page."""
    css = files("headrace.quality").joinpath("data_docs.css").read_text(encoding="utf-8")
    return f'<style id="{MARK}">\n{css}</style>'


def offline_page(text: str, suite_link: str) -> str:
    """The same page with our stylesheet, and without scripts and anything that loads from another host.

    Links to other sites stay, as nothing is loaded before somebody follows one.

    Args:
        suite_link: the name of the suite's page in the same folder.
    """
    text = _SUITE_LINK.sub(suite_link, _HOME_LINK.sub(INDEX, _ICON.sub("", text)))
    text = _EMPTY_TABLE.sub(lambda table: table[1] + _table_body(text, table[2]) + "</table>", text)
    text = _FOOTER.sub("", _SCRIPT.sub("", _REMOTE_STYLE.sub("", text)))
    text = _REMOTE_URL.sub("none", _REMOTE_IMAGE.sub(r"\1", text))
    text = _DARK_STYLE.sub("@media not all", text)  # our stylesheet has light colours only
    return text.replace("<style>", f"{stylesheet()}\n    <style>", 1)


def _table_body(page: str, table_id: str) -> str:
    """The rows that a script of the page would put into a table, as HTML; empty if the page has no such script."""
    script = re.search(
        rf"\$\('#{re.escape(table_id)}'\)\.bootstrapTable\(.*?columns: (\[.*?\]),\s*data: (\[.*?\]),\s*toolbar:"
        r".*?\},\s*(\{.*?\})\s*\)",
        page,
        re.DOTALL,
    )
    if script is None:
        return ""
    try:
        columns, rows, options = (ast.literal_eval(literal) for literal in script.groups())
    except (ValueError, SyntaxError):
        return ""
    order = options.get("sortName", "")
    rows = sorted(rows, key=lambda row: str(row.get(order, "")), reverse=options.get("sortOrder") == "desc")
    head = "".join(f"<th>{column['title']}</th>" for column in columns)
    cells = ("".join(f"<td>{_cell(row, column['field'])}</td>" for column in columns) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"


def _cell(row: dict[str, Any], field: str) -> str:
    """A cell; plain text links to the page that a click on the row opens in the original."""
    content, link = str(row.get(field, "")), row.get("_table_row_link_path")
    return content if not link or "<" in content else f'<a href="{link}">{content}</a>'

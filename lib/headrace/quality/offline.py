"""Make Great Expectations' data docs readable without the internet.

The pages that it renders load Bootstrap, jQuery, icons and the logo from the internet, and build some tables with
scripts. Here each page gets one stylesheet of ours inside it, those tables as plain HTML, and no script at all.
"""

from __future__ import annotations

import ast
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from headrace.storage import write

MARK = "headrace-data-docs"  # the id of our style element; a page that has it is done

_REMOTE_STYLE = re.compile(r"""<link\b[^>]*\bhref=["']https?:[^>]*>\s*""")
_REMOTE_IMAGE = re.compile(r"""<img\b[^>]*\bsrc=["']https?:[^>]*\balt="([^"]*)"[^>]*>""")
_REMOTE_URL = re.compile(r"""url\(\s*["']?https?:[^)]*\)""")
_DARK_STYLE = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
_SCRIPT = re.compile(r"<script\b.*?</script>\s*", re.DOTALL)
_FOOTER = re.compile(r"<footer\b.*?</footer>\s*", re.DOTALL)  # invites to a newsletter and to tutorials
_EMPTY_TABLE = re.compile(r"""(<table\s+id="([^"]+)"[^>]*>)\s*</table>""")


def make_offline(folder: Path) -> None:
    """Rewrite all rendered pages below ``folder`` that still need the internet."""
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if MARK not in text:
            write(page, offline_page(text).encode())


def offline_page(text: str) -> str:
    """The same page with our stylesheet, and without scripts and anything that loads from another host.

    Links to other sites stay, as nothing is loaded before somebody follows one.
    """
    text = _EMPTY_TABLE.sub(lambda table: table[1] + _table_body(text, table[2]) + "</table>", text)
    text = _FOOTER.sub("", _SCRIPT.sub("", _REMOTE_STYLE.sub("", text)))
    text = _REMOTE_URL.sub("none", _REMOTE_IMAGE.sub(r"\1", text))
    text = _DARK_STYLE.sub("@media not all", text)  # our stylesheet has light colours only
    css = files("headrace.quality").joinpath("data_docs.css").read_text(encoding="utf-8")
    return text.replace("<style>", f'<style id="{MARK}">\n{css}</style>\n    <style>', 1)


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

"""The digest of everything except the input that can change a table's rows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from headrace.backends.row_settings import row_settings
from headrace.declare import Contract, Feed, Table, UseCase, resolve
from headrace.errors import CodeChangedError
from headrace.stages.context import StageContext
from headrace.stages.row_code import row_code_digest


def code_digest(context: StageContext, table: Table) -> str:
    """16 hexadecimal digits of SHA-256 over a table's code, declaration and settings; computed once in a stage.

    Raises:
        DeclarationError: a module is not Python, or an input that the table depends on does not exist.
    """
    if table.name not in context.code_digests:
        context.code_digests[table.name] = _code_digest(context, table)
    return context.code_digests[table.name]


def code_parts(context: StageContext, table: Table) -> dict[str, str]:
    """A short digest of each part of what ``code_digest`` covers, by its name; computed once in a stage."""
    if table.name not in context.code_parts:
        context.code_parts[table.name] = _code_parts(context, table)
    return context.code_parts[table.name]


def _code_parts(context: StageContext, table: Table) -> dict[str, str]:
    declared = _declaration(context.use_case, table)
    parts = {
        "code": resolve.digest(context.use_case.package, table.by),
        "depends_on": _inputs(context.use_case, table),
        "contract": [declared.pop("contract"), declared.pop("feeds")],
        "checks": declared.pop("checks"),
        "declaration": declared,
        "Headrace's code": row_code_digest(),
        "settings": row_settings(context.config),
    }
    return {name: _digest(part)[:8] for name, part in parts.items()}


def _code_digest(context: StageContext, table: Table) -> str:
    return _digest([use_case_digest(context.use_case, table), row_code_digest(), row_settings(context.config)])[:16]


def check_unchanged(context: StageContext, table: Table, code: str) -> None:
    """Raise CodeChangedError if the table's code has another digest now: it is unknown which code made the rows."""
    if _code_digest(context, table) != code:
        raise CodeChangedError(
            f"the code of {table.name} has changed since this command began, so nothing more is published",
            "Start it again",
        )


def use_case_digest(use_case: UseCase, table: Table) -> str:
    """SHA-256 of the use case's part of it.

    Code counts in a normal form, contracts and suites by what they say. So comments and layout do not change it.
    """
    code = resolve.digest(use_case.package, table.by)
    return _digest([code, _inputs(use_case, table), _declaration(use_case, table)])


def _inputs(use_case: UseCase, table: Table) -> list[list[str]]:
    return [[repr(other), other.digest(use_case.folder)] for other in table.depends_on]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _declaration(use_case: UseCase, table: Table) -> dict[str, Any]:
    feeds = [source.source for source in table.sources if isinstance(source.source, Feed)]
    declared = {
        "by": table.by,
        "day": table.day,
        "key": table.key,
        "reads": [[source.name, source.first, source.last] for source in table.sources],
        "one_row_per": table.one_row_per and table.one_row_per.name,
        "contract": _written(use_case.contract(table)),
        "feeds": [[feed.day, *filter(None, [feed.format.name]), _written(use_case.contract(feed))] for feed in feeds],
        "checks": [[check.condition, check.on_fail, _suite(use_case, check.suite)] for check in table.checks],
    }
    return declared | ({"each_day": True} if table.each_day else {})  # such a transform may depend on the range


def _written(contract: Contract) -> list[Any]:
    """What a contract says; the order of its columns is the table's."""
    return [list(contract.columns.items()), contract.missing]


def _suite(use_case: UseCase, suite: str) -> Any:
    """What a suite expects, without its notes."""
    if not suite:
        return None
    content = json.loads((use_case.folder / suite).read_text(encoding="utf-8"))
    return [{key: value for key, value in e.items() if key not in ("meta", "notes")} for e in content["expectations"]]

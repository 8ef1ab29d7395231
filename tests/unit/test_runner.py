"""The wrapper around every stage: what the ledger keeps and what is handed on, also when a stage fails."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from headrace import declare
from headrace.commands import Command, base
from headrace.commands.markers import Argument
from headrace.config import Config
from headrace.errors import BatchRefusedError
from headrace.ledger.record import StageRun, runs
from headrace.outcome import Result
from headrace.stages import runner
from headrace.stages.context import StageContext
from pydantic.dataclasses import dataclass


@pytest.fixture
def context(config: Config) -> StageContext:
    return StageContext(config, declare.load("flights"))


@pytest.fixture(autouse=True)
def forget_the_stages_of_this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_REGISTERED", base.registered())


class Counted(Result):
    """What the stage below finds beyond a ``Result``."""

    files: int = 0


def command() -> Any:
    @dataclass(frozen=True)
    class Tally(Command):
        """Count something."""

        function: ClassVar[str] = "tests.unit.test_runner:tally"

        outcome: Annotated[str, Argument("How it ends")]

    return Tally


def tally(context: StageContext, asked: Command) -> Result:
    result = Counted(stage="tally", of="x", rows=3, files=2)
    context.note(result)
    match asked.outcome:  # type: ignore[attr-defined]
        case "refused":
            raise BatchRefusedError("two rows share a key")
        case "outage":
            raise ConnectionError("MLflow is away")
        case "interrupted":
            raise KeyboardInterrupt
    return result


def handed_on(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def only_run(context: StageContext) -> StageRun:
    (run,) = runs(context.layout.ledger)
    return run


@pytest.mark.parametrize(
    ("outcome", "error", "handed"),
    [
        ("refused", "BatchRefusedError: two rows share a key", True),
        ("outage", "ConnectionError: MLflow is away", True),
        ("interrupted", None, False),
    ],
)
def test_a_stage_that_fails_leaves_what_it_found_and_why_it_failed(
    outcome: str,
    error: str | None,
    handed: bool,
    context: StageContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADRACE_RESULT", str(tmp_path / "results"))
    with pytest.raises(BaseException, match=r"share a key|away|^$"):
        runner.run_stage(context, command()(outcome))
    run = only_run(context)
    assert (run.outcome, run.facts["rows"], run.facts["files"], run.facts.get("error")) == ("failed", 3, 2, error)
    assert handed_on(tmp_path / "results") == ([{"stage": "tally", "of": "x", "rows": 3}] if handed else [])


def in_the_way(folder: Path) -> Path:
    """A file where a folder should be, which refuses everybody, root included."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("not a folder")
    return folder


@pytest.mark.parametrize(("outcome", "error"), [("refused", BatchRefusedError), ("done", None)])
def test_a_stage_ends_as_it_did_if_neither_ledger_nor_result_can_be_written(
    outcome: str,
    error: type[Exception] | None,
    context: StageContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    in_the_way(tmp_path / "root" / "ledger")
    monkeypatch.setenv("HEADRACE_RESULT", str(in_the_way(tmp_path / "results") / "x.jsonl"))
    with pytest.raises(error) if error else nullcontext():
        assert runner.run_stage(context, command()(outcome)).rows == 3
    lost = sorted(message.partition(" is lost")[0] for message in caplog.messages)
    assert lost == ["the row of tally in the ledger", "what tally hands on"]


def test_the_ledger_keeps_a_stage_s_own_fields_and_hands_on_the_common_ones(
    context: StageContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_RESULT", str(tmp_path / "results"))
    result = runner.run_stage(context, command()("done"))
    assert result.model_dump(exclude_defaults=True) == {"stage": "tally", "of": "x", "rows": 3, "files": 2}
    run = only_run(context)
    assert (run.stage, run.outcome, run.facts) == ("tally", "done", {"rows": 3, "files": 2})
    assert handed_on(tmp_path / "results") == [{"stage": "tally", "of": "x", "rows": 3}]


def test_each_run_of_a_stage_reads_the_lake_anew(context: StageContext, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[StageContext] = []
    monkeypatch.setattr(
        runner, "function_of", lambda _: lambda context, _: seen.append(context) or tally(context, command()("done"))
    )
    for _ in range(2):
        runner.run_stage(context, command()("done"))
    assert seen[0].lake is not seen[1].lake
    assert context.noted == []

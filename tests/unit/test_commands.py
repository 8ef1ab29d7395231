"""Commands: one dataclass for each stage, whose arguments everything that starts a stage derives."""

from __future__ import annotations

import ast
import dataclasses
import re
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace import declare
from headrace.commands import (
    Build,
    Combined,
    Command,
    Freshness,
    Job,
    Land,
    Maintain,
    Promote,
    Rollback,
    Score,
    Train,
    Verify,
    Withdraw,
    registered,
)
from headrace.errors import ArgumentsError, ConfigError, HeadraceError, UnknownNameError
from headrace.stages.runner import function_of

ROOT = Path(__file__).parents[2]
DAY, WEEK = "2026-01-31", "2026-01-01..2026-01-07"
TEMPLATE = "{{ ti.xcom_pull(task_ids='gate') }}"

# Each command as a person writes it in Python, and as arguments.
WRITTEN: list[tuple[Command, list[str]]] = [
    (Land(DAY), ["--days", DAY]),
    (Land(WEEK, feeds=("orders", "shops")), ["--days", WEEK, "--feed", "orders", "--feed", "shops"]),
    (Land(DAY, again=True), ["--days", DAY, "--again"]),
    (Withdraw("shops"), ["shops"]),
    (Withdraw("orders", DAY, reason="in cents"), ["orders", "--days", DAY, "--reason", "in cents"]),
    (Build("sales.orders", DAY), ["sales.orders", "--days", DAY]),
    (Build("sales.orders", DAY, catch_up=True), ["sales.orders", "--days", DAY, "--catch-up"]),
    (Verify("sales.orders", DAY), ["sales.orders", "--days", DAY]),
    (
        Verify("sales.orders", WEEK, alone=7, instants=9),
        ["sales.orders", "--days", WEEK, "--alone", "7", "--instants", "9"],
    ),
    (Train("sales.late", DAY), ["sales.late", "--on", DAY]),
    (Train("sales.late", DAY, promote=False), ["sales.late", "--on", DAY, "--no-promote"]),
    (Promote("sales.late", "2"), ["sales.late", "2"]),
    (
        Promote("sales.late", "2", reason="wrong on Sundays", restore=True),
        ["sales.late", "2", "--reason", "wrong on Sundays", "--restore"],
    ),
    (Rollback("sales.late"), ["sales.late"]),
    (Rollback("sales.late", reason="--then -1"), ["sales.late", "--reason=--then -1"]),
    (Rollback("sales.late", reason="--then"), ["sales.late", "--reason=--then"]),
    (Rollback("sales.late", reason='it\'s 100% "late"\n'), ["sales.late", "--reason", 'it\'s 100% "late"\n']),
    (Score("sales.late", WEEK), ["sales.late", "--days", WEEK]),
    (
        Score("sales.late", DAY, version="3", catch_up=True),
        ["sales.late", "--days", DAY, "--version", "3", "--catch-up"],
    ),
    (Maintain(), []),
    (Maintain(("sales.orders", "sales.features")), ["sales.orders", "sales.features"]),
    (Freshness("sales.orders", DAY), ["sales.orders", "--days", DAY]),
    (Freshness("sales.late", DAY, within_days=9), ["sales.late", "--days", DAY, "--within-days", "9"]),
]
STAGES = ["build", "freshness", "land", "maintain", "promote", "rollback", "score", "train", "verify", "withdraw"]


def test_each_stage_is_registered_and_each_is_tried_here() -> None:
    assert sorted(registered()) == STAGES
    assert {type(command) for command, _ in WRITTEN} == set(registered().values())


@pytest.mark.parametrize(("command", "arguments"), WRITTEN, ids=str)
def test_a_command_is_read_from_the_arguments_that_it_writes(command: Command, arguments: list[str]) -> None:
    assert command.to_argv() == arguments
    assert type(command).from_argv(arguments) == command


def test_arguments_that_nobody_gave_have_their_defaults() -> None:
    assert Freshness.from_argv(["sales.orders", "--days", DAY]).within_days == 0
    assert Maintain.from_argv([]).tables == ()
    assert Train.from_argv(["sales.late", "--on", DAY, "--promote"]).promote is True


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_a_job_of_its_name_and_a_function(stage: str) -> None:
    command = registered()[stage]
    assert command.file == f"jobs/{stage}.py"
    assert (ROOT / command.file).is_file()
    (instance,) = [tried for tried, _ in WRITTEN if tried.stage == stage][:1]
    assert isinstance(function_of(instance), types.FunctionType)
    assert Job.of(instance) == Job(command.file, tuple(instance.to_argv()), (stage,))
    assert Job.of_file(command.file, instance.to_argv()) == Job.of(instance)
    assert Job.of(instance).name == stage


@pytest.mark.parametrize("stage", STAGES)
def test_each_field_has_a_help_text_and_a_command_cannot_be_changed(stage: str) -> None:
    fields = registered()[stage].arguments()
    assert [field.name for field in fields if not field.help] == []
    (instance,) = [tried for tried, _ in WRITTEN if tried.stage == stage][:1]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(instance, fields[0].name, "another")


@pytest.mark.parametrize(
    ("command", "arguments", "wrong"),
    [
        (Build, ["sales.orders", "--days", DAY, "--catchup"], "unrecognized arguments: --catchup"),
        (Build, ["sales.orders", "--days", DAY, "--catch"], "unrecognized arguments: --catch"),  # nothing is guessed
        (Build, ["sales.orders", "sales.features", "--days", DAY], "unrecognized arguments: sales.features"),
        (Build, ["--days", DAY], "the following arguments are required: table"),
        (Build, ["sales.orders"], "the following arguments are required: --days"),
        (Land, ["--feed", "orders"], "the following arguments are required: --days"),
        (Train, ["sales.late"], "the following arguments are required: --on"),
        (Promote, ["sales.late"], "the following arguments are required: version"),
        (Rollback, ["sales.late", "--reason"], "argument --reason: expected one argument"),
        (Freshness, ["a.b", "--days", DAY, "--within-days", "x"], "argument --within-days: invalid int value: 'x'"),
    ],
)
def test_arguments_that_a_stage_does_not_take_are_refused(
    command: type[Command], arguments: list[str], wrong: str
) -> None:
    with pytest.raises(ArgumentsError) as refused:
        command.from_argv(arguments)
    file = command.file
    assert str(refused.value) == f"{file} does not take these arguments: {wrong}. Run `spark-submit {file} --help`"


# Templates, which Airflow renders before a job starts

WRONG_VALUES = [
    (Land, {"days": "{}"}, "january", "'january' is not a range of days"),
    (Build, {"table": "sales.orders", "days": "{}"}, "2026-01-07..2026-01-01", "2026-01-07"),
    (Score, {"model": "sales.late", "days": "{}"}, "2026-02-30", "'2026-02-30' is not a range of days"),
    (Train, {"model": "sales.late", "on": "{}"}, WEEK, f"'{WEEK}' is not a day. Write it as 2026-01-31"),
    (
        Promote,
        {"model": "sales.late", "version": "{}"},
        "None",
        "'None' is not the number of a version. Write a number, such as 2",
    ),
    (
        Promote,
        {"model": "sales.late", "version": "{}"},
        "",
        "'' is not the number of a version. Write a number, such as 2",
    ),
]


@pytest.mark.parametrize(("command", "arguments", "value", "wrong"), WRONG_VALUES)
def test_a_template_is_accepted_and_a_wrong_rendered_value_refused(
    command: type[Command], arguments: dict[str, str], value: str, wrong: str
) -> None:
    unrendered = command(**{name: text.format(TEMPLATE) for name, text in arguments.items()})
    assert any(TEMPLATE in argument for argument in unrendered.to_argv())
    rendered = [argument.replace(TEMPLATE, value) for argument in unrendered.to_argv()]
    with pytest.raises(HeadraceError, match=re.escape(wrong)):
        command.from_argv(rendered)


@pytest.mark.parametrize("days", ["", TEMPLATE, "{% if x %}2026-01-01{% endif %}"])
def test_a_job_refuses_days_that_are_empty_or_were_not_rendered(days: str) -> None:
    with pytest.raises(ArgumentsError, match="build needs a value for --days"):
        Build.from_argv(["sales.orders", "--days", days])


def test_code_is_not_accepted_without_a_reason() -> None:
    arguments = ["sales.orders", "--days", "2026-01-01", "--accept-code"]
    with pytest.raises(ArgumentsError, match=r"^--accept-code needs a reason\. Add --reason"):
        Build.from_argv(arguments)
    assert Build.from_argv([*arguments, "--reason", "release 2"]).accept_code


def test_a_rendered_value_may_look_like_a_flag() -> None:
    arguments = Promote("sales.late", "2", reason=TEMPLATE).to_argv()
    rendered = [argument.replace(TEMPLATE, "-worse on Sundays") for argument in arguments]
    assert Promote.from_argv(rendered).reason == "-worse on Sundays"


def test_a_range_is_written_in_one_way() -> None:
    assert Land("2026-01-01..2026-01-01") == Land("2026-01-01")


@pytest.mark.parametrize("command", [Land(), Build("sales.orders"), Score("sales.late", catch_up=True)])
def test_a_stage_without_days_gets_the_day_of_the_run(command: Command) -> None:
    values = {"day": "{{ partition_key }}", "week_end": DAY}
    assert command.of_days == ""
    filled = command.filled(values)
    assert filled == dataclasses.replace(command, days="{{ partition_key }}")  # type: ignore[type-var]
    assert filled.of_days == "{{ partition_key }}"
    assert filled.filled({"day": "2026-02-02", "week_end": DAY}) == filled


def test_a_training_gets_the_end_of_the_runs_week_and_other_stages_nothing() -> None:
    values = {"day": "2026-02-02", "week_end": DAY}
    assert Train("sales.late").filled(values) == Train("sales.late", DAY)
    assert Build("sales.orders", WEEK).filled(values) == Build("sales.orders", WEEK)
    for command in (Promote("sales.late", "2"), Rollback("sales.late"), Maintain()):
        assert command.filled(values) == command


# What a command says about itself


@pytest.mark.parametrize(
    ("command", "of", "of_days"),
    [
        (Land(DAY), "all", DAY),
        (Land(DAY, feeds=("orders", "shops")), "orders, shops", DAY),
        (Withdraw("orders", WEEK), "orders", WEEK),
        (Build("sales.orders", WEEK), "sales.orders", WEEK),
        (Train("sales.late", DAY), "sales.late", DAY),
        (Promote("sales.late", "2"), "sales.late", ""),
        (Rollback("sales.late"), "sales.late", ""),
        (Score("sales.late", DAY), "sales.late", DAY),
        (Maintain(), "all", ""),
        (Maintain(("sales.orders", "sales.features")), "sales.orders, sales.features", ""),
        (Freshness("sales.orders", DAY), "sales.orders", DAY),
    ],
)
def test_a_command_says_what_it_works_on(command: Command, of: str, of_days: str) -> None:
    assert (command.of, command.of_days) == (of, of_days)


@pytest.fixture(scope="module")
def use_case() -> declare.UseCase:
    return declare.load("flights")


@pytest.mark.parametrize(
    ("command", "published"),
    [
        (Land(DAY), []),
        (Build("flights.legs", DAY), ["flights.legs"]),
        (Train("flights.late15", DAY), []),
        (Promote("flights.late15", "2"), ["flights.late15"]),
        (Rollback("flights.late15"), ["flights.late15"]),
        (Score("flights.late15", DAY), ["flights.late15_scores"]),
        (Maintain(), []),
        (Freshness("flights.late15_scores", DAY), []),
    ],
)
def test_a_command_says_what_it_publishes(command: Command, published: list[str], use_case: declare.UseCase) -> None:
    assert command.publishes(use_case) == published


def test_a_build_publishes_the_tables_that_a_table_is_made_from_first(use_case: declare.UseCase) -> None:
    published = Build("flights.features", DAY).publishes(use_case)
    assert published[-1] == "flights.features"
    assert published == [table.name for table in use_case.in_order("flights.features")]
    assert "flights.legs" in published


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (Land(DAY, feeds=("weather", "wether")), "no feed is called 'wether'. Did you mean 'weather'?"),
        (Withdraw("wether", DAY), "no feed is called 'wether'. Did you mean 'weather'?"),
        (Build("flights.leg", DAY), "no table is called 'flights.leg'. Did you mean 'flights.legs'?"),
        (Train("flights.late51", DAY), "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (Promote("flights.late51", "1"), "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (Rollback("flights.late51"), "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (Score("flights.late51", DAY), "no model is called 'flights.late51'. Did you mean 'flights.late15'?"),
        (Maintain(("flights.legs", "flights.leg")), "no table is called 'flights.leg'. Did you mean 'flights.legs'?"),
    ],
)
def test_a_name_that_is_not_declared_is_refused_with_the_nearest(
    command: Command, wrong: str, use_case: declare.UseCase
) -> None:
    with pytest.raises(UnknownNameError) as refused:
        command.check_names(use_case)
    assert str(refused.value) == wrong


def test_a_command_with_declared_names_is_returned_as_it_is(use_case: declare.UseCase) -> None:
    for command in (Land(DAY, feeds=("weather",)), Build("flights.legs"), Score("flights.late15"), Maintain()):
        assert command.check_names(use_case) is command


# Several stages in one job

DAILY = Combined((Land(DAY), Build("sales.orders", DAY, catch_up=True), Rollback("sales.late", reason="--then")))


def test_combined_stages_are_read_from_the_arguments_that_they_write() -> None:
    arguments = DAILY.to_argv()
    assert " ".join(arguments) == (
        f"land --days {DAY} --then build sales.orders --days {DAY} --catch-up"
        " --then rollback sales.late --reason=--then"
    )
    assert Combined.from_argv(arguments) == DAILY
    assert Combined.from_argv(["maintain", "--then", "rollback", "sales.late"]) == Combined(
        (Maintain(), Rollback("sales.late"))
    )
    assert DAILY.of == "land all; build sales.orders; rollback sales.late"


@pytest.mark.parametrize(
    "arguments", [[], ["land", "--days", DAY, "--then"], ["--then", "land"], ["land", "--then", "--then", "maintain"]]
)
def test_a_combined_job_without_the_name_of_a_stage_is_refused(arguments: list[str]) -> None:
    hint = "Write jobs/run.py land --days 2026-01-01 --then build sales.orders --days 2026-01-01"
    with pytest.raises(ArgumentsError) as refused:
        Combined.from_argv(arguments)
    assert str(refused.value) == f"jobs/run.py is missing the name of a stage. {hint}"


@pytest.mark.parametrize(
    ("arguments", "error", "wrong"),
    [
        (
            ["maintain", "--then", "biuld", "sales.orders"],
            UnknownNameError,
            "no stage is called 'biuld'. Did you mean 'build'?",
        ),
        (["maintain", "--then", "land"], ArgumentsError, "jobs/land.py does not take these arguments: "),
        (["land", "--days", "january"], ConfigError, "'january' is not a range of days"),
    ],
)
def test_a_wrong_stage_of_a_combined_job_is_named(arguments: list[str], error: type[HeadraceError], wrong: str) -> None:
    with pytest.raises(error, match=re.escape(wrong)):
        Combined.from_argv(arguments)


def test_the_job_of_combined_stages_knows_them() -> None:
    job = Job.of(DAILY)
    assert (job.file, job.stages, job.name, job.size) == ("jobs/run.py", ("land", "build", "rollback"), "run", "auto")
    assert Job.of_file("jobs/run.py", DAILY.to_argv()) == job
    with pytest.raises(UnknownNameError, match="no stage is called 'biuld'"):
        Job.of_file("jobs/run.py", ["biuld"])


def test_more_arguments_go_to_each_stage_of_a_job() -> None:
    build = Job.of(Build("sales.orders", DAY)).with_arguments(["--env", "staging"])
    assert build == Job("jobs/build.py", ("sales.orders", "--days", DAY, "--env", "staging"), ("build",))
    job = Job.of(Combined((Land(DAY), Maintain()))).with_arguments(["--env", "staging"])
    expected = f"land --days {DAY} --env staging --then maintain --env staging"
    assert (" ".join(job.arguments), job.stages) == (expected, ("land", "maintain"))
    assert Job.of(DAILY).with_arguments([]) == Job.of(DAILY)


def test_a_file_that_is_not_a_stage_is_a_job_of_its_own_name() -> None:
    job = Job.of_file("jobs/export_scores.py", ["--then", "x"], size="build")
    assert job == Job("jobs/export_scores.py", ("--then", "x"), (), "build")
    assert job.name == "export_scores"


# A stage's arguments are written once

STARTERS = ("cli", "orchestration", "backends", "ledger", "sizing")  # whatever starts a stage, or names and sizes it


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """The file and line, and the node, of all syntax outside ``headrace.commands``."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if (ROOT / "lib" / "headrace" / "commands") not in file.parents:
                for node in ast.walk(ast.parse(file.read_text())):
                    yield f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def texts(*folders: str) -> Iterator[tuple[str, str]]:
    for where, node in nodes(*folders):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield where, node.value


def flags() -> set[str]:
    return {f.flag for command in registered().values() for f in command.arguments() if not f.positional}


def test_no_module_outside_commands_declares_a_flag_of_a_stage() -> None:
    assert flags() >= {"--days", "--feed", "--catch-up", "--on", "--promote", "--within-days", "--restore"}
    found = [where for where, text in texts("lib/headrace", "jobs", "dags") if text.split("/")[0] in flags()]
    assert found == [], "derive it from the stage's dataclass in headrace.commands"


@pytest.mark.parametrize("flag", ["--catch-up", "--within-days", "--no-promote"])
def test_a_flag_stands_nowhere_outside_commands(flag: str) -> None:
    """Not even in a message."""
    found = [where for where, text in texts("lib/headrace", "jobs", "dags") if flag in text]
    assert found == []


def test_nothing_that_starts_a_stage_takes_its_parameters() -> None:
    parameters = {"catch_up", "within_days", "restore", "feeds", "promote", "on"}
    assert parameters < {field.name for command in registered().values() for field in command.arguments()}
    folders = [f"lib/headrace/{package}" for package in STARTERS]
    found = [
        where for where, node in nodes(*folders, "jobs", "dags") if isinstance(node, ast.arg) and node.arg in parameters
    ]
    assert found == []

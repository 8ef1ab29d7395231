"""Orchestration without a running Airflow: DAG files and their cost, how a local job ends, and messages."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time import macros
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import TimeRestriction
from headrace import config as configuration
from headrace.backends.local import supervisor
from headrace.backends.local.process import SupervisedProcess
from headrace.commands.combined import Combined, parts_of
from headrace.config import Config, Notifier
from headrace.errors import ClusterError, ClusterRefusedError, HeadraceError
from headrace.orchestration import (
    DAY,
    WEEK_END,
    Build,
    Land,
    Score,
    SparkJob,
    alerts,
    asset,
    combined,
    daily,
    messages,
    pages,
)
from headrace.orchestration.gate import Gate
from headrace.orchestration.links import push_links
from headrace.orchestration.messages import Message
from headrace.orchestration.tries import failure
from headrace.outcome import Outcome

from tests.support import PROJECT
from tests.support.ports import free_port
from tests.support.waiting import eventually

DAGS = sorted((PROJECT / "dags").glob("*.py"))
HEAVY = (
    "pyspark",
    "tensorflow",
    "mlflow",
    "great_expectations",
    "kubernetes.client",
    "pandas",
    "airflow.providers.cncf.kubernetes.operators",
)


def fresh(code: str) -> Any:
    """Run code in a new interpreter, in the project's folder. Returns the last line that it prints, which is JSON."""
    settings = {
        "HEADRACE_HOME": str(PROJECT),
        "PYTHONPATH": str(PROJECT / "lib"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | settings, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_every_dag_file_imports_without_errors_and_has_one_dag() -> None:
    code = (
        "import json\nfrom airflow.dag_processing.dagbag import DagBag\n"
        f"bag = DagBag({str(PROJECT / 'dags')!r})\n"
        "print(json.dumps([bag.import_errors, sorted(bag.dags)]))"
    )
    assert fresh(code) == [{}, [file.stem for file in DAGS]]


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_a_dag_file_imports_nothing_that_only_a_job_needs(file: Path) -> None:
    code = f"import json, runpy, sys\nrunpy.run_path({str(file)!r})\nprint(json.dumps(list(sys.modules)))"
    assert [name for name in fresh(code) if name.startswith(HEAVY)] == []


def test_a_daily_run_starts_at_the_local_hour_all_year_and_is_about_the_local_day_before() -> None:
    timetable = decode_timetable(encode_timetable(daily(hour=6, zone="America/New_York")))
    for first, expected in {
        (2013, 3, 9): [("03-09 11:00", "2013-03-08"), ("03-10 10:00", "2013-03-09"), ("03-11 10:00", "2013-03-10")],
        (2013, 11, 2): [("11-02 10:00", "2013-11-01"), ("11-03 11:00", "2013-11-02"), ("11-04 11:00", "2013-11-03")],
    }.items():
        restriction, info, runs = TimeRestriction(pendulum.datetime(*first), None, True), None, []
        for _ in expected:
            info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
            assert info is not None
            runs.append((f"{info.run_after.astimezone(dt.UTC):%m-%d %H:%M}", info.partition_key))
        assert runs == expected


@pytest.mark.parametrize(
    ("params", "partition", "day", "week_end"),
    [
        ({}, "2013-12-02", "2013-12-02", "2013-12-09"),
        ({"days": "2013-12-01..2013-12-07"}, None, "2013-12-01..2013-12-07", "2013-12-07"),
        ({"days": None}, None, "2013-12-08", "2013-12-09"),  # the run starts at eight in the evening of the ninth
    ],
)
def test_the_day_and_the_week_of_a_run_are_its_partition_or_what_a_person_said_or_by_the_local_clock(
    params: dict[str, Any], partition: str | None, day: str, week_end: str
) -> None:
    with DAG("any", schedule=None, start_date=pendulum.datetime(2013, 1, 1, tz="America/New_York")) as dag:
        task = SparkJob(file="jobs/any.py", args=[DAY, WEEK_END])
    run = SimpleNamespace(run_after=pendulum.datetime(2013, 12, 10, 1, tz="UTC"))
    context = {"params": params, "partition_key": partition, "dag_run": run, "dag": dag, "macros": macros}
    assert task.render_template(task.args, context, dag.get_template_env()) == [day, week_end]


def test_what_the_author_of_a_dag_says_of_pools_and_assets_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_HOME", str(PROJECT))
    with DAG("any", schedule=None, default_args={"pool": "mine"}):
        named = SparkJob(file="jobs/any.py")
        several = combined(Land(), Build("flights.legs"), task_id="several", outlets=[asset("mine")])
    assert named.pool == several.pool == "mine"
    assert [outlet.name for outlet in several.outlets] == ["mine"]
    with DAG("other", schedule=None):
        assert SparkJob(file="jobs/any.py").pool == "spark"


def test_an_alert_of_a_job_that_cannot_start_says_why_in_place_of_its_command() -> None:
    task = SparkJob(file="jobs/mistyped.py", task_id="any")
    ti = SimpleNamespace(dag_id="any", task_id="any", task=task, run_id="r", try_number=1, log_url="http://x")
    run = SimpleNamespace(partition_key="2013-12-01")
    message = messages.of_task({"ti": ti, "dag_run": run, "exception": ValueError("no"), "params": {}})
    assert "to run the same job by hand: - (jobs/mistyped.py does not exist in" in message.text


def test_a_failed_task_says_its_reason_after_all_that_its_author_and_airflow_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def alert(context: object) -> None:
        """What an author asks for."""

    with DAG("any", schedule=None, default_args={"on_failure_callback": [alert], "on_retry_callback": alert}):
        task = SparkJob(file="jobs/any.py")
    for callbacks in (task.on_failure_callback, task.on_retry_callback):
        first, last = callbacks
        assert first is alert
        for exception in (AirflowException("BadInputError: no rates.csv"), KeyError("day"), None):
            last({"task": task, "exception": exception})  # type: ignore[typeddict-item]
    said = [line.split("]")[1].split("[")[0].strip() for line in capsys.readouterr().out.splitlines()]
    assert said == ["BadInputError: no rates.csv", "KeyError: 'day'"] * 2


# The supervisor ------------------------------------------------------------------------------------------------


DETACHED = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
)


def supervised(code: str) -> subprocess.Popen[str]:
    line = supervisor.supervised([sys.executable, "-c", code])
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True)


def alive(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_command_that_ends_leaves_nothing_even_of_what_detached_itself() -> None:
    process = supervised(DETACHED + "sys.exit(75)")
    pid = int(process.stdout.readline())  # type: ignore[union-attr]
    assert process.wait(20) == 75
    assert not alive(pid)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_supervisor_that_is_stopped_or_killed_takes_its_command_along(how: signal.Signals) -> None:
    process = supervised("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
    pid = int(process.stdout.readline())  # type: ignore[union-attr]
    process.send_signal(how)
    assert process.wait(20) == (143 if how is signal.SIGTERM else -signal.SIGKILL)
    eventually("the command is gone", lambda: not alive(pid), within=10, every=0.05)


def test_when_the_process_above_is_killed_nothing_below_stays(tmp_path: Path) -> None:
    above = (
        "import subprocess, sys, os\n"
        f"supervised = [sys.executable, '-I', '-S', {str(supervisor.__file__)!r}, str(os.getpid())]\n"
        f"subprocess.run([*supervised, sys.executable, '-c', {DETACHED + 'time.sleep(600)'!r}])"
    )
    process = subprocess.Popen([sys.executable, "-c", above], stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())  # type: ignore[union-attr]
    process.kill()
    eventually("the detached process is gone", lambda: not alive(pid), within=20, every=0.05)


# A local job ------------------------------------------------------------------------------------------------


def run(code: str, folder: Path) -> Outcome:
    """Run Python code as a job in a folder."""
    lines: list[str] = []
    return SupervisedProcess([sys.executable, "-c", code], dict(os.environ), folder, lines.append).wait()


def test_a_job_hands_on_its_reason_and_its_results(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "open(os.environ['HEADRACE_TERMINATION_LOG'], 'w').write('BadInputError: schedule.csv.gz is empty\\n')\n"
        'open(os.environ[\'HEADRACE_RESULT\'], \'w\').write(\'{"stage": "land", "of": "schedule", "rows": 3}\\n\')\n'
        "sys.exit(65)"
    )
    ended = run(code, tmp_path)
    assert (ended.code, ended.reason) == (65, "BadInputError: schedule.csv.gz is empty")
    assert [r.rows for r in ended.results] == [3]


def test_a_job_that_reported_no_reason_ends_with_its_signal_or_its_last_line(tmp_path: Path) -> None:
    killed = run("import os; os.kill(os.getpid(), 9)", tmp_path)
    assert (killed.code, killed.reason) == (
        137,
        "ended by signal 9 (Killed)",
    )
    assert run("print('no space left'); exit(3)", tmp_path).reason == "exit code 3; its last line was: no space left"


def ends_the_task(code: int, context: Any, reason: str = "lost") -> bool:
    """Whether a job that ended so is not tried again."""
    raised = failure(Outcome(code, reason, []), context)
    assert isinstance(raised, AirflowException)
    assert str(raised).startswith(reason)
    return isinstance(raised, AirflowFailException)


def test_a_permanent_failure_and_memory_that_ran_out_are_not_tried_again() -> None:
    context = context_of(None, 4)
    assert [ends_the_task(code, context) for code in (65, 71)] == [True, True]
    assert [ends_the_task(code, context) for code in (75, 1, 137, 143)] == [False] * 4


@pytest.mark.parametrize(("run_type", "ends"), [("scheduled", False), ("backfill", True)])
def test_missing_days_are_waited_for_unless_the_run_is_a_backfill_s(run_type: str, ends: bool) -> None:
    context = context_of(None, 4, run_type)
    assert ends_the_task(75, context, "MissingLookBackError: a day is not published") == ends
    assert not ends_the_task(75, context, "RankLostError: rank 1 was lost")


class KeptForTheTask(dict[str, Any]):
    """What Airflow keeps for a task between its tries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


def context_of(store: Any, max_tries: int, run_type: str = "scheduled") -> Any:
    run = SimpleNamespace(run_type=run_type)
    return {"task_state_store": store, "ti": SimpleNamespace(max_tries=max_tries), "dag_run": run}


def test_an_unexpected_failure_is_tried_once_more_and_anew_after_a_person_cleared_the_task() -> None:
    kept = KeptForTheTask()
    assert [ends_the_task(70, context_of(kept, tries)) for tries in (4, 4, 9, 9)] == [False, True, False, True]


def test_where_airflow_keeps_nothing_an_unexpected_failure_is_tried_as_often_as_the_task_says() -> None:
    assert not ends_the_task(70, context_of(None, 4))


def test_a_broken_line_of_results_does_not_change_how_a_job_ended(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        'open(os.environ[\'HEADRACE_RESULT\'], \'w\').write(\'{"stage": "land", "rows": 3}\\n{"stage": "bui\')\n'
        "sys.exit(75)"
    )
    ended = run(code, tmp_path)
    assert (ended.code, [r.rows for r in ended.results]) == (75, [3])


def test_a_link_that_airflow_does_not_take_does_not_hide_the_job_s_reason() -> None:
    def refuse(**_: str) -> None:
        raise RuntimeError("the API server is away")

    push_links({"ti": SimpleNamespace(xcom_push=refuse)}, {"Report": "http://x"})  # type: ignore[typeddict-item]


def test_a_gate_whose_training_handed_on_nothing_says_what_to_do() -> None:
    with DAG("any", schedule=None):
        judged = Gate(task_id="gate", trained="train")
    context: Any = {"ti": SimpleNamespace(xcom_pull=lambda **_: [])}
    with pytest.raises(AirflowFailException, match=r"^train handed on no result: clear it"):
        judged.execute(context)


def test_a_job_ends_as_it_did_where_its_application_does_not_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stays:
        def outcome(self, _: Any) -> Outcome:
            return Outcome(65, "BadInputError: schedule.csv.gz is empty")

        def release(self) -> None:
            raise ClusterError("the pod any-driver was not deleted", "Look at it")

    monkeypatch.setenv("HEADRACE_HOME", str(PROJECT))
    monkeypatch.setattr(supervisor, "end_with_parent", lambda _: None)
    monkeypatch.setattr(SparkJob, "_application_of", lambda *_: Stays())
    with DAG("any", schedule=None):
        task = SparkJob(file="jobs/any.py")
    with pytest.raises(AirflowFailException, match=r"^BadInputError: schedule\.csv\.gz is empty$"):
        task.ended({}, {})


@pytest.mark.parametrize(
    ("error", "tries_left", "deleted"),
    [("Trigger failure", 1, False), ("Trigger failure", 0, True), ("Trigger timeout", 1, True)],
)
def test_a_trigger_that_fails_leaves_its_job_to_the_next_try(
    monkeypatch: pytest.MonkeyPatch, error: str, tries_left: int, deleted: bool
) -> None:
    released = []
    monkeypatch.setenv("HEADRACE_HOME", str(PROJECT))
    monkeypatch.setattr(SparkJob, "_application_of", lambda *_: "any")
    monkeypatch.setattr(SparkJob, "_release", lambda _, application: released.append(application))
    with DAG("any", schedule=None):
        task = SparkJob(file="jobs/any.py")
    context: Any = {"ti": SimpleNamespace(try_number=1, max_tries=tries_left)}
    with pytest.raises(AirflowException, match=error):
        task.resume_execution("__fail__", {"error": error}, context)
    assert bool(released) == deleted


@pytest.mark.parametrize(
    ("error", "tries_left", "deleted"),
    [
        (ClusterError("the login failed"), 1, False),
        (ClusterError("the login failed"), 0, True),
        (ClusterRefusedError("the application is invalid"), 1, True),
    ],
)
def test_a_try_that_cannot_ask_the_cluster_leaves_the_job_to_the_next_one(
    monkeypatch: pytest.MonkeyPatch, error: HeadraceError, tries_left: int, deleted: bool
) -> None:
    released: list[Any] = []

    class Unasked:
        def commands_to_type(self) -> list[str]:
            return []

        def own(self) -> None:
            raise error

        def release(self) -> None:
            released.append(self)

    monkeypatch.setenv("HEADRACE_HOME", str(PROJECT))
    monkeypatch.setattr(supervisor, "end_with_parent", lambda _: None)
    monkeypatch.setattr(SparkJob, "_application_of", lambda *_: Unasked())
    with DAG("any", schedule=None):
        task = SparkJob(file="jobs/any.py")
    context: Any = {"ti": SimpleNamespace(try_number=1, max_tries=tries_left)}
    with pytest.raises(HeadraceError):
        task._defer(context)
    assert bool(released) == deleted


def test_a_page_may_not_run_scripts_or_load_anything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from airflow.api_fastapi.core_api.security import get_user
    from httpx import ASGITransport, AsyncClient, Response

    shown = tmp_path / "reports" / "late15"
    shown.mkdir(parents=True)
    (shown / "0001.html").write_text("<script>fetch('/api/v2/variables')</script>")
    config = configuration.load("local", PROJECT / "conf").model_copy(update={"root": tmp_path})
    monkeypatch.setattr(pages.project, "config", lambda: config)
    pages.app.cache_clear()
    server = pages.app()
    server.dependency_overrides[get_user] = lambda: "anybody"

    async def shown() -> Response:
        async with AsyncClient(transport=ASGITransport(server), base_url="http://airflow") as browser:
            return await browser.get("/reports/late15/0001.html")

    page = asyncio.run(shown())
    pages.app.cache_clear()
    assert page.text.startswith("<script>")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups; default-src 'none';")
    assert "script" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"


def test_arguments_of_several_stages_come_apart_as_they_were_put_together() -> None:
    stages = Combined((Land("2013-12-01", ("weather",)), Score("flights.late15", "2013-12-01")))
    assert Combined.from_argv(stages.to_argv()) == stages
    assert parts_of(stages.to_argv()) == [
        ["land", "--days", "2013-12-01", "--feed", "weather"],
        ["score", "flights.late15", "--days", "2013-12-01"],
    ]


# Messages ---------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration.load("local", PROJECT / "conf", root=tmp_path)


def test_one_cause_that_fails_forty_tasks_is_told_once(config: Config) -> None:
    def fails(number: int) -> bool:
        reason = f"MissingInputError: weather has no file for 2013-12-{number % 28 + 1:02}, {number} rows were expected"
        return alerts.send(config, "page", Message("a task", reason, messages.VARYING.sub("#", reason)), {})

    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(fails, range(40)))
    assert sent.count(True) == 1
    assert alerts.send(config, "page", Message("another", "disk full", "disk full"), {})


def test_people_are_told_of_a_cause_even_if_no_mark_can_be_left(config: Config) -> None:
    config.layout.alerts.parent.mkdir(parents=True, exist_ok=True)
    Path(str(config.layout.alerts)).write_text("a file, where marks need a folder")
    assert alerts.send(config, "page", Message("a task", "disk full", "disk full"), {})


def test_a_cause_that_nobody_could_be_told_of_is_told_again(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    to_nowhere = f"smtp://127.0.0.1:{free_port()}/?disable_ssl=true&disable_tls=true&retry_limit=1"
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", to_nowhere)
    mail = Notifier(
        notifier="airflow.providers.smtp.notifications.smtp.SmtpNotifier",
        arguments={"to": "a@example.com", "from_email": "b@example.com", "subject": "{{ alert.title }}",
                   "html_content": "{{ alert.text }}", "smtp_conn_id": "nowhere"},
    )  # fmt: skip
    unheard = config.model_copy(update={"alerts": config.alerts.model_copy(update={"page": (mail,)})})
    for _ in range(2):
        with pytest.raises(OSError, match="Connection refused"):
            alerts.send(unheard, "page", Message("a task", "disk full", "disk full"), {})
    assert alerts.send(config, "page", Message("a task", "disk full", "disk full"), {})


def test_after_the_quiet_time_the_same_cause_is_told_again(config: Config) -> None:
    quick = config.model_copy(update={"alerts": config.alerts.model_copy(update={"quiet_minutes": 0})})
    message = Message("a task", "disk full", "disk full")
    assert alerts.send(quick, "page", message, {})
    time.sleep(1.1)
    assert alerts.send(quick, "page", message, {})

"""The DAGs of the flights on a real Airflow: what they publish, what they log, and whom they notify."""

from __future__ import annotations

import gzip
import json
import re
from urllib.parse import urljoin

import pytest
from headrace.days import DayRange

from tests.support.airflow import job_processes
from tests.support.airflow_ground import BUILT, SECRET, Ground
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first test waits for the lake
DAY = "2013-02-13"


def test_some_days_are_one_run_of_each_stage_and_every_one_of_them_is_published(built: Ground) -> None:
    runs = built.airflow.get("/dags/flights_rebuild/dagRuns")["dag_runs"]
    [run] = [run["dag_run_id"] for run in runs if run["conf"] == {"days": BUILT}]
    [result] = built.airflow.result("flights_rebuild", run, "build")
    features, days = result["tables"]["flights.features"], [str(day) for day in DayRange.parse(BUILT)]
    assert list(features["ids"]) == days
    lines = [gzip.decompress(built.delivered("schedule", day).read_bytes()).count(b"\n") for day in days]
    assert features["rows"] == sum(lines) - len(days)  # a header each


@pytest.fixture(scope="module")
def day_done(built: Ground) -> tuple[Ground, str]:
    """The project after a day went from landing to scores, and the id of that run."""
    run = built.airflow.trigger("flights_daily", day=DAY)
    tasks = built.airflow.run("flights_daily", run)
    assert tasks["day"]["state"] == "success", built.airflow.log("flights_daily", run, "day")[-20:]
    return built, run


def test_a_day_goes_from_landing_to_scores_and_hands_on_what_it_published(day_done: tuple[Ground, str]) -> None:
    ground, run = day_done
    landed, built, scored = ground.airflow.result("flights_daily", run, "day")
    assert (landed["stage"], built["stage"], scored["stage"]) == ("land", "build", "score")
    assert {landed["days"], built["days"], scored["days"]} == {DAY}
    features = built["tables"]["flights.features"]
    assert features["rows"] == scored["rows"] > 100
    assert list(features["ids"]) == [DAY]
    assert scored["version"] == 1


def test_the_log_of_a_task_is_the_jobs_own_and_its_links_lead_to_what_it_made(day_done: tuple[Ground, str]) -> None:
    ground, run = day_done
    lines = ground.airflow.log("flights_daily", run, "day")
    assert any(re.search(rf"score  flights.late15_scores {DAY}  by version 1", line) for line in lines)
    links = ground.airflow.get(f"/dags/flights_daily/dagRuns/{run}/taskInstances/day/links")["extra_links"]
    assert links["Spark UI"] is None  # it is gone with the job
    _, days = ground.airflow.page(links["Data docs"])
    today = re.findall(r'href="([-\d]+/index\.html)"', days)[0]
    status, page = ground.airflow.page(urljoin(links["Data docs"], today))
    assert status == 200
    assert f"flights.legs-{DAY}" in page


def test_clearing_a_task_does_the_day_again_and_ends_in_the_same_lake(day_done: tuple[Ground, str]) -> None:
    ground, run = day_done
    before, first = ground.versions(), ground.airflow.result("flights_daily", run, "day")
    ground.airflow.clear("flights_daily", run)
    tasks = ground.airflow.run("flights_daily", run)
    assert tasks["day"]["state"] == "success"
    assert tasks["day"]["try_number"] == 2
    assert ground.versions() == before
    assert ground.airflow.result("flights_daily", run, "day") == first


def test_a_refused_batch_is_notified_and_leaves_the_lake_as_it_was(day_done: tuple[Ground, str]) -> None:
    ground, _ = day_done
    before, file = ground.versions(), ground.delivered("schedule", DAY)
    good = file.read_bytes()
    header, *rows = gzip.decompress(good).decode().splitlines()
    carrier = header.replace('"', "").split(",").index("carrier")
    bad = [",".join([*cells[:carrier], "XYZ", *cells[carrier + 1 :]]) for cells in (row.split(",") for row in rows)]
    file.write_bytes(gzip.compress("\n".join([header, *bad, ""]).encode()))
    try:
        run = ground.airflow.trigger("flights_daily", days=DAY)
        task = ground.airflow.run("flights_daily", run)["day"]
    finally:
        file.write_bytes(good)
    assert (task["state"], task["try_number"]) == ("failed", 1)
    [mail] = eventually("the mail", lambda: ground.mails.about("BatchRefusedError"), within=60)
    assert "BatchRefusedError: flights.legs is refused" in mail
    assert f"days: {DAY}" in mail
    assert "tables concerned: flights.legs, flights.outcomes, flights.features, flights.late15_scores" in mail
    assert ground.versions() == before
    run = ground.airflow.trigger("flights_daily", days=DAY)
    assert ground.airflow.run("flights_daily", run)["day"]["state"] == "success"
    assert ground.versions() == before


def test_a_failure_that_waiting_cannot_help_is_not_tried_again_and_its_mail_says_what_to_type(built: Ground) -> None:
    run = built.airflow.trigger("flights_rebuild", days="2012-12-01")
    tasks = built.airflow.run("flights_rebuild", run)
    assert (tasks["land"]["state"], tasks["land"]["try_number"]) == ("failed", 1)
    assert tasks["build"]["state"] == "upstream_failed"
    reason = "MissingInputError: no feed has 2012-12-01: the first feed begins on 2013-01-01"
    assert any(reason in line for line in built.airflow.log("flights_rebuild", run, "land"))
    [text] = eventually("the mail", lambda: built.mails.about("flights_rebuild land"), within=60)
    assert reason in text
    assert "jobs/land.py --days 2012-12-01" in text
    assert "days: 2012-12-01" in text
    assert "tables concerned: none" in text
    assert f"airflow dags clear flights_rebuild --run-id {run} --only-failed --yes" in text


@pytest.mark.parametrize(
    "days",
    ["2013-02-01; rm -rf /", "{{ 7 * 7 }}", "../../etc/passwd", "2013-02-01\n", "2013-02-01\n--env=prod",
     "x" * 10_000_000, 5],
)  # fmt: skip
def test_parameters_that_are_no_days_are_refused_before_anything_starts(built: Ground, days: object) -> None:
    before = built.airflow.get("/dags/flights_rebuild/dagRuns")["total_entries"]
    status, answer = built.airflow.call(
        "POST", "/api/v2/dags/flights_rebuild/dagRuns", {"logical_date": None, "conf": {"days": days}}
    )
    assert status == 400, answer
    assert "days" in json.dumps(answer)
    assert built.airflow.get("/dags/flights_rebuild/dagRuns")["total_entries"] == before


@pytest.mark.parametrize("version", ["1; id", "{{ 7 * 7 }}", "../1", "champion\n", "0", 1])
def test_parameters_that_are_no_version_are_refused_too(built: Ground, version: object) -> None:
    conf = {"days": DAY, "version": version}
    body = {"logical_date": None, "conf": conf}
    status, answer = built.airflow.call("POST", "/api/v2/dags/flights_rebuild/dagRuns", body)
    assert status == 400, answer
    assert "version" in json.dumps(answer)


def test_a_day_that_no_calendar_has_fails_without_a_job(built: Ground) -> None:
    run = built.airflow.trigger("flights_rebuild", days="2013-02-30")
    land = built.airflow.run("flights_rebuild", run)["land"]
    assert (land["state"], land["try_number"]) == ("failed", 1)
    lines = "\n".join(built.airflow.log("flights_rebuild", run, "land"))
    assert "ConfigError: '2013-02-30' is not a range of days" in lines
    assert "the same job by hand" not in lines


def test_no_secret_is_in_logs_rendered_templates_or_results(day_done: tuple[Ground, str]) -> None:
    ground, _ = day_done
    password = json.loads((ground.airflow.home / "passwords.json").read_text())["admin"]
    for dag in ("flights_daily", "flights_rebuild", "flights_train"):
        for dag_run in ground.airflow.get(f"/dags/{dag}/dagRuns")["dag_runs"]:
            path = f"/dags/{dag}/dagRuns/{dag_run['dag_run_id']}/taskInstances"
            for task in ground.airflow.get(path)["task_instances"]:
                of_task = f"{path}/{task['task_id']}"
                keys = [x["key"] for x in ground.airflow.get(f"{of_task}/xcomEntries")["xcom_entries"]]
                values = [ground.airflow.result(dag, dag_run["dag_run_id"], task["task_id"], key) for key in keys]
                seen = json.dumps([task, values])
                for attempt in range(1, task["try_number"] + 1):
                    seen += "\n".join(ground.airflow.log(dag, dag_run["dag_run_id"], task["task_id"], attempt))
                assert SECRET not in seen
                assert password not in seen


def test_a_dag_file_with_an_error_is_named_and_leaves_the_others_up(built: Ground) -> None:
    broken = built.dags / "broken.py"
    broken.write_text(
        "from airflow.sdk import dag\nfrom headrace.orchestration import Build, stage\n\n"
        "stage(Build('flights.feature'))\n"
    )
    try:
        errors = eventually("the error", lambda: built.airflow.get("/importErrors")["import_errors"], within=90)
        assert [e["filename"] for e in errors] == ["broken.py"]
        assert "no table is called 'flights.feature'. Did you mean 'flights.features'?" in errors[0]["stack_trace"]
        dags = {dag["dag_id"] for dag in built.airflow.get("/dags")["dags"]}
        assert dags >= {"flights_daily", "flights_train", "flights_rebuild", "lake_maintenance"}
    finally:
        broken.unlink()


def test_a_challenger_that_is_no_better_is_refused_with_a_sentence_and_the_champion_stays(
    day_done: tuple[Ground, str],
) -> None:
    ground, _ = day_done
    run = ground.airflow.trigger("flights_train", days=DAY)
    tasks = ground.airflow.run("flights_train", run)
    states = {name: task["state"] for name, task in tasks.items()}
    assert states == {"train": "success", "gate": "skipped", "promote": "skipped"}
    sentence = ground.airflow.result("flights_train", run, "train")[0]["sentence"]
    assert re.match(
        r"The challenger is refused: its AUC of 0\.\d+ is not significantly better than the champion's", sentence
    )
    assert f"flights.late15 version 2: {sentence}" in ground.airflow.log("flights_train", run, "gate")
    assert ground.airflow.get(f"/dags/flights_train/dagRuns/{run}")["state"] == "success"
    assert "flights.late15 version 1  champion" in ground.airflow.typed(".venv/bin/headrace report flights.late15")


def test_training_as_on_the_same_day_again_finds_the_champion_and_succeeds(built: Ground) -> None:
    run = built.airflow.trigger("flights_train", days=BUILT.split("..")[1])
    tasks = built.airflow.run("flights_train", run)
    assert {task["state"] for task in tasks.values()} == {"success"}  # it is the champion already


def test_a_page_of_the_lake_is_shown_to_who_is_logged_in_and_nothing_else_is(built: Ground) -> None:
    [run] = built.airflow.get("/dags/flights_train/dagRuns?order_by=run_after&limit=1")["dag_runs"]
    path = f"/dags/flights_train/dagRuns/{run['dag_run_id']}/taskInstances/train/links"
    links = built.airflow.get(path)["extra_links"]
    assert re.fullmatch(r"http://127\.0\.0\.1:8081/#/runs/[0-9a-f]{32}", links["MLflow run"])
    report = links["Report"]
    address = report.split("/reports/")[0]
    status, page = built.airflow.page(report)
    assert status == 200
    assert "flights.late15" in page
    assert built.airflow.page(report, logged_in=False)[0] == 401
    for other in ("/mlflow.db", "/reports/..%2fmlflow.db", "/lake", "/data_docs/gx/great_expectations.yml"):
        assert built.airflow.page(address + other)[0] == 404


def test_a_check_of_freshness_passes_for_a_day_with_scores_and_notifies_people_of_a_day_without(
    day_done: tuple[Ground, str],
) -> None:
    ground, _ = day_done
    ground.airflow.unpause("lake_freshness")
    scored, without = (ground.airflow.trigger("lake_freshness", days=day) for day in (DAY, "2013-12-31"))
    states = {name: task["state"] for name, task in ground.airflow.run("lake_freshness", scored).items()}
    assert states == {"scored": "success", "trained": "success"}
    assert ground.airflow.run("lake_freshness", without)["scored"]["state"] == "failed"
    # The DAG's own run about yesterday has the same cause, so that one of the two is told.
    mails = eventually("the mail", lambda: ground.mails.about("lake_freshness scored"), within=60)
    assert re.search(rf"flights\.late15_scores has nothing of [-\d]+; its newest day is {DAY}", mails[0])


def test_a_late_run_is_notified_while_it_runs_and_a_try_that_takes_too_long_is_ended(built: Ground) -> None:
    (built.project / "jobs" / "sleep.py").write_text("import time\n\ntime.sleep(600)\n")
    slow = built.dags / "slow.py"
    slow.write_text(
        "import datetime as dt\n\nfrom airflow.sdk import dag\n"
        "from headrace.orchestration import SparkJob, done_within, policy\n\n\n"
        "@dag(schedule=None, default_args=policy('x', retries=0, at_most=dt.timedelta(seconds=60)),\n"
        "     deadline=done_within(0.001, 'flights.features', alert='mail'))\n"
        "def slow():\n    SparkJob(file='jobs/sleep.py')\n\n\nslow()\n"
    )
    try:
        built.airflow.unpause("slow")
        run = built.airflow.trigger("slow")
        [late] = eventually("the mail", lambda: built.mails.about("slow: late"), within=60)
        assert "DeadlineMissed: slow is not done 0.001 hours after its creation" in late
        assert "tables that are late: flights.features" in late
        assert f"airflow tasks states-for-dag-run slow {run}" in late
        assert built.airflow.tasks("slow", run)["sleep"]["state"] in ("queued", "running")
        assert job_processes(built.project)
        assert built.airflow.run("slow", run)["sleep"]["state"] == "failed"
        eventually("no process is left", lambda: not job_processes(built.project), within=20)
        [mail] = eventually("the mail", lambda: built.mails.about("slow sleep"), within=60)
        assert "AirflowTaskTimeout" in mail
    finally:
        slow.unlink()

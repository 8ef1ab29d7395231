"""The DAGs of the flights on a real Airflow: what they leave in the lake, what they say, and whom they tell."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import live
import pytest
from conftest import BUILT, SECRET, Ground

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first test waits for the lake
DAY, NEXT = "2013-02-04", "2013-02-05"


@pytest.fixture(scope="module")
def day_done(built: Ground) -> tuple[Ground, str]:
    """A day that went from landing to scores."""
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
    assert links["Data docs"] == "http://127.0.0.1:8080/headrace/data_docs/index.html"
    assert re.fullmatch(r"http://[\w.:-]+", links["Spark UI"])


def test_clearing_a_task_does_the_day_again_and_ends_in_the_same_lake(day_done: tuple[Ground, str]) -> None:
    ground, run = day_done
    before, first = ground.versions(), ground.airflow.result("flights_daily", run, "day")
    ground.airflow.clear("flights_daily", run)
    tasks = ground.airflow.run("flights_daily", run)
    assert tasks["day"]["state"] == "success"
    assert tasks["day"]["try_number"] == 2
    assert ground.versions() == before
    assert ground.airflow.result("flights_daily", run, "day") == first


def test_a_failure_that_waiting_cannot_help_is_not_tried_again_and_its_mail_says_what_to_type(built: Ground) -> None:
    run = built.airflow.trigger("flights_rebuild", days="2012-12-01")
    tasks = built.airflow.run("flights_rebuild", run)
    assert (tasks["land"]["state"], tasks["land"]["try_number"]) == ("failed", 1)
    assert tasks["build"]["state"] == "upstream_failed"
    reason = "MissingInputError: no feed has 2012-12-01: the first begins on 2013-01-01"
    assert any(reason in line for line in built.airflow.log("flights_rebuild", run, "land"))
    [text] = live.eventually("the mail", lambda: built.mails.about("flights_rebuild land"), within=60)
    assert reason in text
    assert "jobs/land.py --days 2012-12-01" in text
    assert "airflow tasks clear flights_rebuild" in text


@pytest.mark.parametrize(
    "days", ["2013-02-01; rm -rf /", "{{ 7 * 7 }}", "../../etc/passwd", "2013-02-01\n--env=prod", "x" * 10_000_000, 5]
)
def test_parameters_that_are_no_days_are_refused_before_anything_starts(built: Ground, days: object) -> None:
    before = built.airflow.get("/dags/flights_rebuild/dagRuns")["total_entries"]
    status, answer = built.airflow.call(
        "POST", "/api/v2/dags/flights_rebuild/dagRuns", {"logical_date": None, "conf": {"days": days}}
    )
    assert status == 400, answer
    assert "days" in json.dumps(answer)
    assert built.airflow.get("/dags/flights_rebuild/dagRuns")["total_entries"] == before


def test_no_secret_is_in_logs_rendered_templates_or_results(day_done: tuple[Ground, str]) -> None:
    ground, _ = day_done
    password = json.loads((ground.airflow.home / "passwords.json").read_text())["admin"]
    for dag in ("flights_daily", "flights_rebuild", "flights_train"):
        for each in ground.airflow.get(f"/dags/{dag}/dagRuns")["dag_runs"]:
            path = f"/dags/{dag}/dagRuns/{each['dag_run_id']}/taskInstances"
            for task in ground.airflow.get(path)["task_instances"]:
                seen = json.dumps([task, ground.airflow.result(dag, each["dag_run_id"], task["task_id"])])
                for attempt in range(1, task["try_number"] + 1):
                    seen += "\n".join(ground.airflow.log(dag, each["dag_run_id"], task["task_id"], attempt))
                assert SECRET not in seen
                assert password not in seen


def test_a_dag_file_with_an_error_is_named_and_leaves_the_others_up(built: Ground) -> None:
    broken = built.dags / "broken.py"
    broken.write_text(
        "from airflow.sdk import dag\nfrom headrace.orchestration import build\n\nbuild('flights.feature')\n"
    )
    try:
        errors = live.eventually("the error", lambda: built.airflow.get("/importErrors")["import_errors"], within=90)
        assert [e["filename"] for e in errors] == ["broken.py"]
        assert "no table is called 'flights.feature'. Did you mean 'flights.features'?" in errors[0]["stack_trace"]
        dags = {dag["dag_id"] for dag in built.airflow.get("/dags")["dags"]}
        assert dags >= {"flights_daily", "flights_train", "flights_rebuild", "lake_maintenance"}
    finally:
        broken.unlink()


def test_training_as_on_the_same_day_again_finds_the_champion_and_succeeds(built: Ground) -> None:
    run = built.airflow.trigger("flights_train", days=BUILT.split("..")[1])
    tasks = built.airflow.run("flights_train", run)
    assert {task["state"] for task in tasks.values()} == {"success"}  # it is the champion already


def test_a_page_of_the_lake_is_shown_to_who_is_logged_in_and_nothing_else_is(built: Ground) -> None:
    [report] = (built.project / "root" / "reports").rglob("*.html")
    path = f"/headrace/{report.relative_to(built.project / 'root')}"

    def status(path: str, token: str = "") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{built.airflow.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    built.airflow.get("/dags")
    token = built.airflow._token
    assert status(path, token) == 200
    assert status(path) == 401
    for other in ("/headrace/mlflow.db", "/headrace/reports/..%2fmlflow.db", "/headrace/lake"):
        assert status(other, token) == 404


def test_the_dag_of_the_documentation_runs_a_pyspark_file_of_ones_own(built: Ground) -> None:
    """docs/airflow.md, followed to the letter; only the file's place is another one."""
    text = (live.PROJECT / "docs" / "airflow.md").read_text()
    [code] = re.findall(r"```python\n# dags/flights_export\.py\n(.*?)```", text, re.DOTALL)
    script = built.project / "export_scores.py"
    script.write_text(
        "import sys\nfrom pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        f"scores = spark.read.format('delta').load('{built.project}/root/lake/flights/late15_scores')\n"
        f"scores.where(f\"flight_date = '{{sys.argv[2]}}'\").write.csv('{built.project}/exported')\n"
    )
    assert len(code.strip().splitlines()) < 30
    dag = built.dags / "flights_export.py"
    dag.write_text(
        code.replace("jobs/export_scores.py", str(script)).replace('policy("pricing")', 'policy("pricing", retries=0)')
    )
    try:
        built.airflow.unpause("flights_export")
        run = built.airflow.trigger("flights_export", day=DAY)
        tasks = built.airflow.run("flights_export", run)
        assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(
            ["land", "build", "score", "export"], "success"
        )
        rows = [line for part in (built.project / "exported").glob("*.csv") for line in part.read_text().splitlines()]
        scored = built.airflow.result("flights_export", run, "score")[0]["rows"]
        assert len(rows) == scored
    finally:
        dag.unlink()

"""The documentation, followed to the letter, with other days: the tests' lake is small."""

from __future__ import annotations

import re
import shlex

import pytest
from headrace import errors

from tests.support import PROJECT
from tests.support.airflow_ground import Ground

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
DOCS = PROJECT / "docs"


def blocks(page: str, language: str, days: dict[str, str]) -> list[str]:
    """The blocks of code on a page, with other days in place of the page's."""
    text = (DOCS / page).read_text()
    for theirs, ours in days.items():
        text = text.replace(theirs, ours)
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def triggered(said: str) -> str:
    """The id of the run in what ``airflow dags trigger`` prints."""
    found = re.search(r"manual__\S+", said)
    assert found, said
    return found[0]


def test_who_follows_write_your_own_dag_has_a_day_of_scores_in_a_file(built: Ground) -> None:
    page, days = "write-a-dag.md", {"2013-12-08": "2013-02-13"}
    files = {code.splitlines()[0].removeprefix("# "): code for code in blocks(page, "python", days)}
    assert list(files) == ["dags/flights_export.py", "jobs/export_scores.py"]
    assert len(files["dags/flights_export.py"].strip().splitlines()) < 30
    for name, code in files.items():
        (built.project / name).write_text(code)
    check, start, look = blocks(page, "bash", days)
    try:
        assert built.airflow.typed(check) == ""
        run = triggered(built.airflow.typed(start))
        tasks = built.airflow.run("flights_export", run)
        assert {name: task["state"] for name, task in tasks.items()} == dict.fromkeys(
            ["land", "build", "score", "export"], "success"
        ), built.airflow.log("flights_export", run, "export")[-5:]
        assert [r["dag_run_id"] for r in built.airflow.get("/dags/flights_export/dagRuns")["dag_runs"]] == [run]
        assert built.airflow.typed(look).splitlines()[0].startswith("flight_date,carrier,flight,origin,")
        [file] = (built.root / "exports" / "2013-02-13").glob("*.csv")
        scored = built.airflow.result("flights_export", run, "score")[0]["rows"]
        assert len(file.read_text().splitlines()) - 1 == scored > 100
        by_hand = next(
            line for line in built.airflow.log("flights_export", run, "export") if "the same job by hand" in line
        )
        file.unlink()
        pasted = shlex.quote(by_hand.split("to run the same job by hand: ")[1])
        built.airflow.typed(f"cd / && env -i HOME=$HOME PATH=/usr/bin:/bin bash -c {pasted}")
        assert list((built.root / "exports" / "2013-02-13").glob("*.csv"))
    finally:
        (built.dags / "flights_export.py").unlink()


def test_who_follows_when_a_task_fails_sees_the_reason_and_mends_it(built: Ground) -> None:
    days = {"2013-12-09": "2013-02-14"}
    breaks, looks, clears, *_ = blocks("when-a-task-fails.md", "bash", days)
    run = triggered(built.airflow.typed(breaks))
    tasks = built.airflow.run("flights_daily", run)
    assert (tasks["day"]["state"], tasks["day"]["try_number"]) == ("failed", 1)
    documented = [line.strip() for line in (DOCS / "when-a-task-fails.md").read_text().splitlines()]
    [reason] = [line.replace("2013-12-09", "2013-02-14") for line in documented if line.startswith("BadInputError: ")]
    assert built.airflow.last_line("flights_daily", run, "day") == reason
    by_hand = built.airflow.typed(looks)
    assert "exit code 65: the same input fails again" in by_hand
    assert re.search(r"schedule +2013-02-14  1 of 1 days new", by_hand)
    built.airflow.typed(clears.replace("--run-id RUN", f"--run-id {run}"))
    tasks = built.airflow.run("flights_daily", run)
    assert (tasks["day"]["state"], tasks["day"]["try_number"]) == ("success", 2)


def test_every_reason_in_the_table_exists() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (DOCS / "when-a-task-fails.md").read_text(), re.MULTILINE)
    of_airflow = {"AirflowTaskTimeout", "DeadlineMissed", "NothingRanError"}
    for name, happened in rows:
        if name not in of_airflow:
            error = getattr(errors, name)
            assert ("it is tried again" in happened) == issubclass(error, errors.RetryableError), name

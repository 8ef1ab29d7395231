"""A project of its own for a real Airflow: forty days of real flights, and a model with short windows.

Run by the jobs' Python, as this needs what landing needs:  python tests/airflow/project.py FOLDER
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "tests" / "integration"))

import lakes  # noqa: E402


def main(folder: Path) -> None:
    inbox, data = folder / "build" / "inbox", folder / "data"
    for each in (inbox, data):
        each.mkdir(parents=True)
    lakes.small_inbox(inbox, data)
    # Some hundred flights cannot show which of two models is the better one: the first passes, those after it do not.
    gate = 'Gate("auc", beat=["champion"], report=["logistic"])'
    lakes.declared_otherwise(folder, window="Days(train=12, validate=3, test=3)", gate=gate)
    for name in ("conf", "jobs", "dags", "tools"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".venv", ".venv-airflow", "build/jars"):
        (folder / name).symlink_to(PROJECT / name)
    local = yaml.safe_load((folder / "conf" / "local.yaml").read_text())
    mail = {
        "notifier": "airflow.providers.smtp.notifications.smtp.SmtpNotifier",
        "arguments": {
            "to": "oncall@example.com",
            "from_email": "headrace@example.com",
            "subject": "{{ alert.title }}",
            "html_content": "<pre>{{ alert.text }}</pre>",
            "smtp_conn_id": "mail",
        },
    }
    own = {
        "alerts": {"page": [mail], "mail": [mail]},
        "training": {"max_epochs": 2, "batch_size": 256},
    }
    (folder / "conf" / "local.yaml").write_text(yaml.safe_dump(local | own))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

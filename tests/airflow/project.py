"""A small project for a real Airflow: forty days of real flights, a model with short windows, a lake in a folder.

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
    for name in ("inbox", "data"):
        (folder / name).mkdir(parents=True)
    lakes.small_inbox(folder / "inbox", folder / "data")
    # Nothing to beat: some hundred flights cannot show which of two models is the better one.
    lakes.declared_otherwise(
        folder, window="Days(train=12, validate=3, test=3)", gate='Gate("auc", report=["logistic"])'
    )
    shutil.copytree(PROJECT / "conf", folder / "conf")
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
    own = {"root": str(folder / "root"), "inbox": str(folder / "inbox"), "alerts": {"page": [mail], "mail": [mail]}}
    training = {"training": {"max_epochs": 2, "batch_size": 256}}
    (folder / "conf" / "local.yaml").write_text(yaml.safe_dump(local | own | training))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

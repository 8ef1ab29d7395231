"""Lay out a project for a real Airflow: a copy of the shared lake, and a model with short windows.

The jobs' Python runs it, because it may have to build the shared lake:
``.venv/bin/python -m tests.support.airflow_project FOLDER``
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import yaml

from tests.support import PROJECT, lake_jobs, shared_lake


def main(folder: Path) -> None:
    lake = shared_lake.built()
    shutil.copytree(lake / "inbox", folder / "build" / "inbox")
    for name in shared_lake.COPIED:
        shutil.copytree(lake / "root" / name, folder / "build" / "local" / name)
    # A few hundred flights cannot show which of two models is better: the first model passes, later ones do not.
    gate = 'Gate("auc", without=["base_rate"], report=["logistic"])'
    lake_jobs.declared_otherwise(folder, window="Days(train=12, validate=3, test=3)", gate=gate)
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
    settings = {
        "alerts": {"page": [mail], "mail": [mail]},
        "training": {"max_epochs": 2, "batch_size": 256},
    }
    (folder / "conf" / "local.yaml").write_text(yaml.safe_dump(local | settings))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What the tests share: small lakes, a real S3 server, a real Airflow, and a real cluster."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).parents[2]
JOBS_PYTHON = PROJECT / ".venv" / "bin" / "python"

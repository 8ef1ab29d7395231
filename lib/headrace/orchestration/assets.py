"""What DAGs publish and wait for."""

from __future__ import annotations

from airflow.sdk import Asset


def asset(name: str) -> Asset:
    """A table, a model, or the table of a model's scores."""
    return Asset(name=name, uri=f"headrace://{name.replace('.', '/')}")

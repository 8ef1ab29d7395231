"""The assets that DAGs publish and wait for."""

from __future__ import annotations

from airflow.sdk import Asset


def asset(name: str) -> Asset:
    """The asset of a table, a model, or the table of a model's scores."""
    return Asset(name=name, uri=f"headrace://{name.replace('.', '/')}")

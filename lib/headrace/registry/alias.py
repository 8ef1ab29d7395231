"""MLflow's model registry follows the promotions: a page to look at, never what decides."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from headrace.registry.promotions import champion
from headrace.registry.versions import Version
from headrace.storage import Place

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIAS = "champion"
_LOG = logging.getLogger(__name__)


def follow(root: Place, model: str, tracking_uri: str) -> bool:
    """Let MLflow's alias ``champion`` name the version that the newest promotion names.

    Safe to repeat: it makes what is missing, and a version only once. Where MLflow cannot be reached it logs a
    warning and changes nothing, for the promotion has happened already; the next call makes up for it.

    Returns:
        Whether the alias now names the champion (or there is neither).

    Raises:
        ArtefactError: as `champion`.
    """
    followed, now = None, champion(root, model)
    try:
        client = _client(tracking_uri)
        # Looked up again after each step, so that the slower of two followers does not leave the older champion.
        while now is not None and now != followed:
            _point(client, now)
            followed, now = now, champion(root, model)
    except Exception as outage:  # whatever MLflow, its database or its server raises
        _LOG.warning("MLflow's alias does not follow %s yet: %s", now, " ".join(str(outage).split())[:300])
        return False
    return True


def _client(tracking_uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # by default an outage is waited for minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri, registry_uri=tracking_uri)


def _point(client: MlflowClient, version: Version) -> None:
    number = _known(client, version) or _made(client, version)
    if client.get_registered_model(version.model).aliases.get(ALIAS) != number:
        client.set_registered_model_alias(version.model, ALIAS, number)


def _known(client: MlflowClient, version: Version) -> str | None:
    """MLflow's own number of a version, which is not ours: only champions are registered there."""
    found = client.search_model_versions(f"name = '{version.model}'")
    return next((str(v.version) for v in found if v.tags.get("digest") == version.digest), None)


def _made(client: MlflowClient, version: Version) -> str:
    if not client.search_registered_models(f"name = '{version.model}'"):
        client.create_registered_model(version.model)
    made = client.create_model_version(
        version.model,
        source=version.path.absolute().as_uri(),
        run_id=version.pins.get("mlflow_run_id"),
        tags={"version": str(version.number), "digest": version.digest, "training_id": version.training_id},
        description=f"Version {version.number} of Headrace's registry",
    )
    return str(made.version)

"""Copy the champion to MLflow's model registry. Only people read it there; no decision depends on it."""

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
    """Point MLflow's alias ``champion`` at the version that the newest promotion names.

    The call can be repeated: it creates only what is missing. If MLflow cannot be reached, it logs a warning and
    changes nothing, because the promotion has happened already. The next call repairs the alias.

    Returns:
        Whether the alias now names the champion, or there is no champion.

    Raises:
        ArtefactError: as `champion`.
    """
    followed, now = None, champion(root, model)
    try:
        client = _client(tracking_uri)
        # Read the champion again after each step: two processes may follow, and the slower must not set an older one.
        while now is not None and now != followed:
            _point(client, now)
            followed, now = now, champion(root, model)
    except Exception as outage:  # MLflow, its database and its server raise many kinds of error
        _LOG.warning("MLflow's alias does not follow %s yet: %s", now, " ".join(str(outage).split())[:300])
        return False
    return True


def _client(tracking_uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # the default waits minutes for a server that is down
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri, registry_uri=tracking_uri)


def _point(client: MlflowClient, version: Version) -> None:
    number = _known(client, version) or _created(client, version)
    if client.get_registered_model(version.model).aliases.get(ALIAS) != number:
        client.set_registered_model_alias(version.model, ALIAS, number)


def _known(client: MlflowClient, version: Version) -> str | None:
    """MLflow's number of a version. It differs from ours, because only champions are registered there."""
    found = client.search_model_versions(f"name = '{version.model}'")
    return next((str(v.version) for v in found if v.tags.get("digest") == version.digest), None)


def _created(client: MlflowClient, version: Version) -> str:
    if not client.search_registered_models(f"name = '{version.model}'"):
        client.create_registered_model(version.model)
    registered = client.create_model_version(
        version.model,
        source=version.path.absolute().as_uri(),
        run_id=version.pins.get("mlflow_run_id"),
        tags={"version": str(version.number), "digest": version.digest, "training_id": version.training_id},
        description=f"Version {version.number} of Headrace's registry",
    )
    return str(registered.version)

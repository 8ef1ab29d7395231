"""Copy the champion to MLflow's model registry. Only people read it there; no decision depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.best_effort import BestEffort
from headrace.registry.promotions import champion
from headrace.registry.versions import Version
from headrace.storage import Place
from headrace.training import tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIAS = "champion"


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
    with BestEffort(f"MLflow's alias of {now}"):
        client = tracking.client(tracking_uri)
        # Read the champion again after each step: two processes may follow, and the slower must not set an older one.
        while now is not None and now != followed:
            _point(client, now)
            followed, now = now, champion(root, model)
        return True
    return False


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
        run_id=version.pins.get("mlflow_run_id") or None,
        tags={"version": str(version.number), "digest": version.digest, "training_id": version.training_id},
        description=f"Version {version.number} of Headrace's registry",
    )
    return str(registered.version)

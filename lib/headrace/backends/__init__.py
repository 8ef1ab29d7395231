"""Where jobs run: this machine, a Kubernetes cluster, or a backend of your own. The backend is chosen here only."""

from __future__ import annotations

from headrace.backends.base import Backend, Connect
from headrace.config import BACKENDS, Config
from headrace.errors import ConfigError
from headrace.references import imported

__all__ = ["Backend", "Connect", "backend_of"]


def backend_of(config: Config, connect: Connect | None = None) -> Backend:
    """The backend that an environment's jobs run on.

    Args:
        connect: how to reach a remote backend, for a caller that has its own credentials, such as Airflow.

    Raises:
        ConfigError: ``backend`` names a class that cannot be imported.
    """
    try:
        backend: type[Backend] = imported(BACKENDS.get(config.backend, config.backend))
    except (ImportError, AttributeError, ValueError, TypeError) as wrong:
        raise ConfigError(f"the backend {config.backend!r} cannot be imported: {wrong}", "See conf/") from wrong
    return backend(config, connect)

"""A job as the manifest of a SparkApplication (sparkoperator.k8s.io/v1beta2): all that the cluster needs to run it.

Everything is in the pod templates and Spark's own settings. So the operator's webhook is not needed, and a person can
apply the manifest. Secrets are only named; the kubelet puts their values into the containers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import PurePosixPath
from typing import Any

from headrace import variables
from headrace.backends.kubernetes.names import Identity
from headrace.backends.spark_settings import common_settings, java_options, log4j
from headrace.commands import Job
from headrace.config import Config, PodResources, Size
from headrace.errors import ConfigError
from headrace.sizing.sizes import size_of
from headrace.storage import spark_uri

GROUP, VERSION, PLURAL = "sparkoperator.k8s.io", "v1beta2", "sparkapplications"
DOMAIN = "headrace.io"
DIGEST = f"{DOMAIN}/spec-digest"
IDENTITY = f"{DOMAIN}/identity"
CLEARS = f"{DOMAIN}/clears"  # differs between the tries before and after a person cleared the task
RESULTS = f"{DOMAIN}/results"
MANAGED = {"app.kubernetes.io/managed-by": "headrace"}
BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
SPARK_VERSION = "4.2.0"
USER = 185  # the image's user
HOME = "/opt/headrace"  # the project's folder in the image
SECRET_AT = "/etc/headrace/spark"
SECRET = {"key": "secret", "path": "secret"}
TERMINATION_LOG = "/dev/termination-log"
# Airflow starts a job that failed again, because it knows whether that can help. If a quota refuses a
# driver's pod, the operator submits the job again. It does so after 20 s, then after 40 s, and so on: each is a JVM.
RESTARTS = {"type": "OnFailure", "onSubmissionFailureRetries": 60, "onSubmissionFailureRetryInterval": 20}
GRACE_SECONDS = 5  # from SIGTERM to SIGKILL; meanwhile the driver writes its row of the ledger


def manifest(config: Config, identity: Identity, job: Job) -> dict[str, Any]:
    """The application that runs a job.

    Applications with the same name and the same annotation ``headrace.io/spec-digest`` are the same job.
    """
    image = image_of(config)
    size = size_of(config, job)
    spec = _spec(config, job, size, image)
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    results = str(config.layout.results(f"{identity.name}-{digest}"))
    job_variables = {
        variables.RESULT: results,
        variables.IMAGE_ID: image,
        variables.CONFIG: config.model_dump_json(exclude={"alerts"}),  # no job sends alerts
        variables.SIZE: size.model_dump_json(),
    }
    container = spec["driver"]["template"]["spec"]["containers"][0]
    container["env"] += [{"name": name, "value": value} for name, value in job_variables.items()]
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "SparkApplication",
        "metadata": {
            "name": identity.name,
            "namespace": config.kubernetes.namespace,
            "labels": {
                **MANAGED,
                f"{DOMAIN}/environment": config.environment,
                **{f"{DOMAIN}/{key}": value for key, value in identity.labels.items() if value},
            },
            "annotations": {DIGEST: digest, IDENTITY: json.dumps(identity.parts), RESULTS: results},
        },
        "spec": spec,
    }


def image_of(config: Config) -> str:
    """The image of jobs: HEADRACE_IMAGE, or the configured one.

    Raises:
        ConfigError: the environment wants an image by its digest, and gets one by a tag, which may change its meaning.
    """
    image = os.environ.get(variables.IMAGE) or config.kubernetes.image
    if config.kubernetes.require_digest and not BY_DIGEST.search(image):
        raise ConfigError(
            f"{config.environment} runs images by digest, and {image} has none",
            f"Set kubernetes.image in conf/{config.environment}.yaml, or HEADRACE_IMAGE, to NAME@sha256:DIGEST. "
            "`docker push` prints the digest",
        )
    return image


def spark_settings(config: Config) -> dict[str, str]:
    """The settings of a driver on the cluster, without those that only spark-submit may set."""
    # The ledger records the memory of a pod's JVM and of its Python separately.
    return {"spark.executor.processTreeMetrics.enabled": "true", **common_settings(config)}


def _spec(config: Config, job: Job, size: Size, image: str) -> dict[str, Any]:
    kubernetes = config.kubernetes
    return {
        "type": "Python",
        "pythonVersion": "3",
        "mode": "cluster",
        "sparkVersion": SPARK_VERSION,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "mainApplicationFile": f"local://{HOME}/{job.file}",
        "arguments": list(job.arguments),
        "restartPolicy": dict(RESTARTS),
        "timeToLiveSeconds": kubernetes.keep_seconds,
        "sparkConf": _spark_conf(config),
        "driver": {
            **_resources(size.driver),
            "serviceAccount": kubernetes.driver_account,
            "template": _driver_pod(config),
        },
        "executor": {
            **_resources(size.executor),
            # The operator requires at least 1. Spark starts executors only when the job opens its session.
            "instances": max(1, size.executors),
            "serviceAccount": kubernetes.executor_account,
            "template": _executor_pod(config),
        },
    }


def _resources(container: PodResources) -> dict[str, Any]:
    return {
        "cores": container.cores,
        "coreRequest": container.cpu_request,
        "coreLimit": str(container.cores),
        "javaOptions": java_options(PurePosixPath(HOME, "lib", "headrace", log4j().name)),
        "memory": container.memory,
        "memoryOverhead": container.overhead,
    }


def _spark_conf(config: Config) -> dict[str, str]:
    return {
        **spark_settings(config),
        # Without the secret nobody can command Spark's processes or read what they send.
        "spark.authenticate": "true",
        "spark.authenticate.secret.file": f"{SECRET_AT}/secret",
        "spark.network.crypto.enabled": "true",
        # An executor that the quota refuses counts as failed, about once a second. So Spark waits a minute for room.
        "spark.executor.maxNumFailures": "60",
        # An ended executor stays until the application is deleted, because its end often explains a failure.
        "spark.kubernetes.executor.deleteOnTermination": "false",
        # Kubernetes deletes what the driver's pod owns. The driver lacks the permissions to delete it.
        "spark.kubernetes.driver.service.deleteOnTermination": "false",
        "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
        "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": spark_uri(config.layout.spark_events),
    }


def _driver_pod(config: Config) -> dict[str, Any]:
    pod = _pod(config, "spark-kubernetes-driver")
    pod["spec"]["automountServiceAccountToken"] = True  # it starts executors
    pod["spec"]["containers"][0]["env"].append({"name": variables.TERMINATION_LOG, "value": TERMINATION_LOG})
    secret = {"secretName": config.kubernetes.spark_secret, "defaultMode": 0o440, "items": [SECRET]}
    pod["spec"]["volumes"].append({"name": "spark-secret", "secret": secret})
    mount = {"name": "spark-secret", "mountPath": SECRET_AT, "readOnly": True}
    pod["spec"]["containers"][0]["volumeMounts"].append(mount)
    return pod


def _executor_pod(config: Config) -> dict[str, Any]:
    """The template of an executor's pod.

    An executor needs the shared secret to ask the driver for its settings, such as the secret's file. So it gets the
    secret in a variable, in base64, as the driver passes it on.
    """
    pod = _pod(config, "spark-kubernetes-executor")
    reference = {"secretKeyRef": {"name": config.kubernetes.spark_secret, "key": "executor"}}
    pod["spec"]["containers"][0]["env"].append({"name": "_SPARK_AUTH_SECRET", "valueFrom": reference})
    return pod


def _pod(config: Config, name: str) -> dict[str, Any]:
    """A pod that meets the pod security standard `restricted`. It may write only to one folder."""
    job_variables = {
        variables.ENVIRONMENT: config.environment,
        variables.HOME: HOME,
    }
    return {
        "metadata": {"labels": dict(MANAGED)},
        "spec": {
            "priorityClassName": config.kubernetes.priority_class,
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": 0,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "env": [{"name": key, "value": value} for key, value in job_variables.items()],
                    "envFrom": [{"secretRef": {"name": secret}} for secret in config.kubernetes.environment],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "terminationMessagePath": TERMINATION_LOG,
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }

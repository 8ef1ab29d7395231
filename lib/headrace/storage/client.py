"""The S3 client of this process: its server and keys, how long it waits, and what its errors mean.

Keys come from AWS's standard variables and provider chain, so that no file, argument or log of ours holds them. The
chain looks at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, at a web identity, and at the machine's role. The server
comes from AWS_ENDPOINT_URL_S3 where it is not AWS, and from AWS_REGION.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from headrace.errors import StorageError, StorageRefusedError

CONNECT_SECONDS, READ_SECONDS = 5, 60
# Requests wait for a server that restarts. Boto's standard mode does not: all requests share one budget of retries,
# which many concurrent requests use up within a second.
PATIENCE_SECONDS, MAX_PAUSE_SECONDS = 120, 10
ATTEMPTS = 3  # of boto's standard mode, for other errors that it retries
CONNECTIONS = 32
DEFAULT_REGION = "us-east-1"
CREATING = threading.Lock()

MISSING = {"404", "NoSuchKey", "NotFound"}
TAKEN = {"412", "PreconditionFailed"}
CONFLICT = "ConditionalRequestConflict"  # a concurrent request for the same name; S3 asks for a retry
FAILING = {500, 502, 503, 504}
REFUSED = {"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


def endpoint() -> str:
    """The address of an S3 server that is not AWS; empty for AWS."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")


def region() -> str:
    """The region of the buckets."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


@cache
def client() -> Any:
    """The client. Threads share it; creating two at once is not safe in boto."""
    import boto3
    from botocore.config import Config

    # At INFO it logs where it found the keys, among the lines of a job.
    logging.getLogger("botocore.credentials").setLevel(logging.WARNING)
    settings = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path" if endpoint() else "auto"},
        # Not every S3 server supports the checksums that newer AWS clients add to each request and reply.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with CREATING:
        s3 = boto3.Session().client("s3", endpoint_url=endpoint() or None, region_name=region(), config=settings)
    s3.meta.events.register_first("needs-retry.s3", _pause)
    return s3


def _pause(response: Any, caught_exception: Any, attempts: int, request_dict: Any, **_: Any) -> float | None:
    """The seconds to wait before a request is sent again, or None to leave the decision to boto.

    It retries for ``PATIENCE_SECONDS`` if there is no server, or if the server fails or is busy.
    """
    from botocore.exceptions import ConnectionError, HTTPClientError

    if response is not None:
        status, code = response[0].status_code, response[1].get("Error", {}).get("Code")
        is_down = status in FAILING or code == CONFLICT
    else:
        is_down = isinstance(caught_exception, (ConnectionError, HTTPClientError))
    now = time.monotonic()
    if not is_down or now > request_dict["context"].setdefault("patient_until", now + PATIENCE_SECONDS):
        return None
    return random.uniform(0.5, 1) * min(2.0 ** (attempts - 1), MAX_PAUSE_SECONDS)


@contextmanager
def translated_errors(what: str) -> Iterator[None]:
    """Translate S3's errors in the block into ours. ``what`` is the place that they are about.

    Raises:
        FileNotFoundError: there is no such object.
        FileExistsError: a conditional request lost against an earlier one.
        StorageRefusedError: no credentials, no right, or no such bucket.
        StorageError: the server cannot be reached, or fails.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield
    except ClientError as error:
        raise _meaning(what, error) from None
    except (NoCredentialsError, PartialCredentialsError) as missing:
        raise StorageRefusedError(
            f"no credentials for {what}: {missing}",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
        ) from None
    except (BotoCoreError, Boto3Error) as unreachable:
        raise StorageError(f"{what} cannot be reached: {unreachable}", "Try again once S3 answers") from None


def _meaning(what: str, error: Any) -> Exception:
    code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in ("NoSuchBucket", "InvalidBucketName"):
        return StorageRefusedError(f"the bucket of {what} does not exist", "Create it, or correct conf/")
    if code in MISSING:
        return FileNotFoundError(what)
    if code in TAKEN:
        return FileExistsError(what)
    if code in REFUSED:
        return StorageRefusedError(f"{what}: S3 refuses {error.operation_name} ({code})", "Check the key's permissions")
    return StorageError(f"{what}: S3 answers {error.operation_name} with {code} {text}", "Try again later")

"""The S3 client of this process: where it finds its server and keys, how long it waits, and what its errors mean.

Both come by the standard variables and provider chain of AWS, so that no file, argument or log of ours holds them:
AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a web identity, or the machine's role; AWS_ENDPOINT_URL_S3 where the
server is not AWS; AWS_REGION.
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
# A server that restarts is waited for: boto's standard mode gives up within a second where many requests find none at
# once, as it keeps a budget of retries for all of them.
PATIENCE_SECONDS, LONGEST_PAUSE_SECONDS = 120, 10
ATTEMPTS = 3  # in standard mode, for what else it tries again
CONNECTIONS = 32
DEFAULT_REGION = "us-east-1"
MAKING = threading.Lock()

MISSING = {"404", "NoSuchKey", "NotFound"}
TAKEN = {"412", "PreconditionFailed"}
UNDER_WAY = "ConditionalRequestConflict"  # another request for the name: S3 asks to be asked again
FAILING = {500, 502, 503, 504}
REFUSED = {"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


def endpoint() -> str:
    """The address of an S3 server that is not AWS; empty: AWS."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")


def region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


@cache
def client() -> Any:
    """The client, which threads may share; but two may not make one at once."""
    import boto3
    from botocore.config import Config

    # It tells of the keys that it finds, between the lines of a job.
    logging.getLogger("botocore.credentials").setLevel(logging.WARNING)
    settings = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path" if endpoint() else "auto"},
        # Checksums of every request and reply are a newer habit of AWS that other servers do not all share.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with MAKING:
        made = boto3.Session().client("s3", endpoint_url=endpoint() or None, region_name=region(), config=settings)
    made.meta.events.register_first("needs-retry.s3", _pause)
    return made


def _pause(response: Any, caught_exception: Any, attempts: int, request_dict: Any, **_: Any) -> float | None:
    """The seconds after which a request is sent again that found no server, or one that fails or is busy, for as long
    as we are patient; None: boto's own rules hold."""
    from botocore.exceptions import ConnectionError, HTTPClientError

    if response is not None:
        status, code = response[0].status_code, response[1].get("Error", {}).get("Code")
        away = status in FAILING or code == UNDER_WAY
    else:
        away = isinstance(caught_exception, (ConnectionError, HTTPClientError))
    now = time.monotonic()
    if not away or now > request_dict["context"].setdefault("patient_until", now + PATIENCE_SECONDS):
        return None
    return random.uniform(0.5, 1) * min(2.0 ** (attempts - 1), LONGEST_PAUSE_SECONDS)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn S3's errors into ours, about ``what``: a place, as a person writes it.

    Raises:
        FileNotFoundError: there is no such object.
        FileExistsError: a conditional request came too late.
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
            f"no credentials for {what}: {missing}", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give a role"
        ) from None
    except (BotoCoreError, Boto3Error) as unreachable:
        raise StorageError(f"{what} cannot be reached: {unreachable}", "Try again once S3 answers") from None


def _meaning(what: str, error: Any) -> Exception:
    code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in ("NoSuchBucket", "InvalidBucketName"):
        return StorageRefusedError(f"the bucket of {what} does not exist", "Make it, or correct conf/")
    if code in MISSING:
        return FileNotFoundError(what)
    if code in TAKEN:
        return FileExistsError(what)
    if code in REFUSED:
        return StorageRefusedError(f"{what}: S3 refuses {error.operation_name} ({code})", "Look at the key's rights")
    return StorageError(f"{what}: S3 answers {error.operation_name} with {code} {text}", "Try again later")

"""A job that does what its words say, for tests: spark-submit jobs/probe.py "say hello sleep 5 permanent 'no luck'" """

import os
import shlex
import signal
import sys
import time

from headrace import config as configuration
from headrace.errors import PermanentError, RetryableError
from headrace.stages.process_exit import leave_with_outcome


def main() -> None:
    words = iter(shlex.split(sys.argv[1]))
    for word in words:
        if word == "say":
            print(next(words), flush=True)
        elif word == "sleep":
            time.sleep(float(next(words)))
        elif word == "hold":  # so many MiB of this process's memory
            held = bytearray(int(next(words)) * 2**20)
            held[::4096] = b"x" * len(held[::4096])
        elif word == "variables":
            print(sorted(os.environ), flush=True)
        elif word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "permanent":
            raise PermanentError(next(words), "Mend it")
        elif word == "retryable":
            raise RetryableError(next(words), "Wait")
        elif word in SPARK:
            SPARK[word]()


def _session():
    from headrace.session import spark_session

    return spark_session(configuration.load(), "probe")


def count() -> None:
    """A small job on the executors; prints its sum."""
    total = _session().range(0, 100_000, numPartitions=4).selectExpr("sum(id)").first()[0]
    print(f"the sum is {total}", flush=True)


def heap_of_driver() -> None:
    session = _session()
    held = [session._jvm.java.nio.ByteBuffer.allocate(2**27) for _ in range(100)]
    print(len(held))


def heap_of_executor() -> None:
    session = _session()
    # Each row is an array of 1.5 GiB; of ids, as the driver would make one of constants.
    arrays = session.range(0, 2, numPartitions=1).selectExpr("sequence(id, id + 200000000L) AS a")
    arrays.selectExpr("size(a)").collect()


def python_of_executor() -> None:
    def hog(batches):
        held = bytearray(3 * 2**30)
        held[::4096] = b"x" * len(held[::4096])
        yield from batches

    _session().range(10, numPartitions=1).mapInArrow(hog, "id long").collect()


def slow() -> None:
    """Tasks of a second for half a minute, so that an executor can be taken away."""

    def wait(batches):
        time.sleep(1)
        yield from batches

    rows = _session().range(0, 40, numPartitions=40).mapInArrow(wait, "id long").selectExpr("sum(id)").first()[0]
    print(f"the sum is {rows}", flush=True)


SPARK = {
    "count": count,
    "heap-of-driver": heap_of_driver,
    "heap-of-executor": heap_of_executor,
    "python-of-executor": python_of_executor,
    "slow": slow,
}

if __name__ == "__main__":
    leave_with_outcome(main)

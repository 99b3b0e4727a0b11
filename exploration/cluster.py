"""Workers: dask.distributed, a cluster of one-thread processes on this machine or a scheduler that is there already.

The local cluster listens on the loopback only and speaks TLS with a certificate made for this run and kept in memory:
dask runs whatever a peer sends, and other users of this machine are no peers.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster
from distributed.security import Security

from bittrue.spec.errors import BadInput

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
CONNECT_S = 30
DEATHS_ALLOWED = 2
"""Of workers on one task; one more and the task itself is held to be what kills them."""

NO_PAGES: dict[str, list[str]] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""dask opens an HTTP server whatever it is asked; this one serves nothing."""


@contextmanager
def _sockets_may_close() -> Iterator[None]:
    """A peer that goes away is an error to handle: the command line lets SIGPIPE end the process, for its output."""
    if not hasattr(signal, "SIGPIPE") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


@contextmanager
def client(workers: int, scheduler: str | None) -> Iterator[Client]:
    """A client of `workers` local processes, or of the scheduler at an address (tcp://HOST:PORT, tls://HOST:PORT)."""
    if scheduler is not None:
        try:
            with _sockets_may_close(), Client(scheduler, timeout=CONNECT_S) as found:
                yield found
        except (OSError, TimeoutError, ValueError) as error:
            raise BadInput(
                "no scheduler answers", where="--scheduler", got=f"{scheduler}: {error}", expected="tcp:// or tls://"
            ) from error
        return
    for name in ("distributed", "distributed.nanny", "distributed.scheduler", "distributed.worker"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # a worker that dies is a row, and no log
    settings = {
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(ONE_THREAD, "1"),
        "distributed.scheduler.allowed-failures": DEATHS_ALLOWED,
        "distributed.worker.daemon": True,
        **NO_PAGES,
    }
    with (
        _sockets_may_close(),
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            protocol="tls",
            security=Security.temporary(),
            dashboard_address="127.0.0.1:0",
            memory_limit=0,  # a calibration may need more than an even share
            local_directory=os.environ.get("TMPDIR"),
        ) as cluster,
        Client(cluster) as found,
    ):
        yield found

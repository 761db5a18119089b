"""How gunicorn serves: the same settings for `make run`, deployments and `make bench`."""

import gc
import os
import signal
from typing import Any

import gevent

from config import load
from core.processes import die_with_parent

_settings = load(os.environ)

bind = f"{f'[{_settings.host}]' if ':' in _settings.host else _settings.host}:{_settings.port}"
workers = _settings.web_workers
worker_class = "gevent"
worker_connections = 2000
reuse_port = True  # each worker its own queue of connections: without it throughput was bimodal
backlog = 2048
timeout = 30
graceful_timeout = 15
keepalive = 30
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - the heartbeat never waits for a disk
accesslog = None  # requests are logged by the application, without personal data
errorlog = "-"
loglevel = "warning"
proc_name = "biwu"
control_socket_disable = True  # two copies would share it in the home folder


def post_fork(server: object, worker: object) -> None:
    """A worker ends with its master, so that a new one finds the port empty, and at once when told while it starts.

    Until gunicorn sets a worker's signals it has its master's, which would only remember to stop: the stop then
    waited the whole `graceful_timeout` for a worker that served nobody.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL)


def pre_request(worker: object, request: object) -> None:
    """Let every connection have its turn: one whose next request is there already would otherwise never yield.

    Without it the slowest hundredth of board requests at 32 connections took 300 to 900 ms, the fastest half 0.4 ms.
    """
    gevent.sleep(0)


def post_worker_init(worker: Any) -> None:
    """No worker serves on a database that may lose what it acknowledges (O5), or looks for garbage in what stays."""
    gc.collect()
    gc.freeze()  # half a million objects of libraries and tables: walking them again stops every request for 50 ms
    gc.set_threshold(10_000, 20, 20)
    if "sqlalchemy" in worker.wsgi.extensions:
        from core.operation import refuse_unsafe

        with worker.wsgi.app_context():
            refuse_unsafe()

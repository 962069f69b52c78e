"""The web server of one process: `cxr web`."""

import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from web.app import create_app
from web.door.connection import Connection
from web.door.door import Door
from web.door.limits import Limits
from worker.settings import Settings

# Files that are not connections: the database, uploads on their way to the disk, the log.
OTHER_FILES = 512
# A thread that computes hands the interpreter on after so long. With the usual 5 ms, the event loop
# waits behind every busy upload in turn.
SWITCH_S = 0.0005


def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; requests in work have some seconds to finish."""
    sys.setswitchinterval(SWITCH_S)
    limits = Limits(
        threads=settings.web_threads,
        max_uploads=settings.max_uploads,
        max_connections=max(64, _open_files() - OTHER_FILES),
    )
    app = create_app(settings)
    server = make_server(app, limits, settings.host, settings.port, settings.proxies)
    # What is loaded by now stays. A full collection that goes through it stops every answer for
    # some 0.1 s; one that does not takes a fifth of that.
    gc.freeze()
    # uvicorn has its own handlers while it runs, and raises the signal again when it is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run()
    app.extensions["cxr"].trail.close()
    logging.shutdown()
    # What was answered is durable. A thread that still waits for a database must not stop the stop.
    os._exit(0 if server.started else 1)


def make_server(
    app: Callable, limits: Limits, host: str, port: int, proxies: Sequence[str] = ()
) -> uvicorn.Server:
    """A server for a WSGI application whose large bodies go to `/api/`.

    proxies: addresses and networks of those whose X-Forwarded-For and X-Forwarded-Proto are
    believed; of anybody else they are not.
    """
    door = Door(app, limits, lambda path: path.startswith("/api/"))
    if proxies:
        door = ProxyHeadersMiddleware(door, list(proxies))
        door.limits = limits  # which connections ask for
    config = uvicorn.Config(
        door,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=limits.stop_s,
    )
    return uvicorn.Server(config)


def _open_files() -> int:
    """Raise this process's limit of open files as far as it may. Returns: the limit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if most == resource.RLIM_INFINITY else min(8192, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted

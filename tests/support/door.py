"""The web server's door around any WSGI application."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence

import uvicorn

from tests.support.waiting import wait_for
from web.door.limits import Limits
from web.door.server import make_server


@contextlib.contextmanager
def serving(
    app: Callable, limits: Limits, proxies: Sequence[str] = ()
) -> Iterator[tuple[uvicorn.Server, str]]:
    """A real server on a free port, in a thread; stopped at the end. Gives it and its address."""
    server = make_server(app, limits, "127.0.0.1", 0, proxies)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield server, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)

"""A relay before PostgreSQL that cuts a connection at the worst moment: after COMMIT was done,
before the answer gets through."""

import contextlib
import socket
import threading
from pathlib import Path

from sqlalchemy import make_url

ACCEPTING = b"accepted_at="  # the statement that shows a job to its clinic


class CuttingProxy:
    """`url` leads to the database of `database_url`, until the moment that `cut_at_commit` sets."""

    def __init__(self, database_url: str) -> None:
        target = make_url(database_url)
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = (
            target.set(host="127.0.0.1", port=port)
            .difference_update_query(["host", "port"])
            .render_as_string(hide_password=False)
        )
        self.was_cut = threading.Event()
        self._armed = False
        self._refusing = threading.Event()
        self._stays_away = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at_commit(self, stays_away: bool) -> None:
        """Cut the next connection on which an upload is accepted; then refuse others, or not."""
        self._armed, self._stays_away = True, stays_away

    def mend(self) -> None:
        self._refusing.clear()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                if self._refusing.is_set():
                    client.close()
                else:
                    _Relay(self, client, self._connect())

    def _connect(self) -> socket.socket:
        host = self._target.query.get("host", self._target.host)
        port = int(self._target.query.get("port", self._target.port or 5432))
        if not str(host).startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(Path(host) / f".s.PGSQL.{port}"))
        return server

    def cut_now(self) -> None:
        """The moment has come. Called by the relay."""
        self._armed = False
        if self._stays_away:
            self._refusing.set()

    @property
    def armed(self) -> bool:
        return self._armed


class _Relay:
    """One connection: two threads, one for each direction."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._accepting = self._cutting = False
        for way in (self._to_server, self._to_client):
            threading.Thread(target=way, daemon=True).start()

    def _to_server(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                self._accepting |= self._proxy.armed and ACCEPTING in data
                if self._accepting and b"COMMIT" in data:
                    self._cutting = True
                    self._proxy.cut_now()
                self._server.sendall(data)
        self._close()

    def _to_client(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if self._cutting:  # the server has committed, and says so to nobody
                    self._proxy.was_cut.set()
                    break
                self._client.sendall(data)
        self._close()

    def _close(self) -> None:
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

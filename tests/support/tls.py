"""TLS in front of the wheels' Valkey and PostgreSQL, which are built without it.

The certificates are those of docker-compose.tls.sh, and the clients' handshake, checks and refusals
are real; only the server's end of it is here.
"""

import asyncio
import ssl
import struct
import subprocess
import threading
from pathlib import Path

from tests.support.compose import ROOT

# What a client of PostgreSQL asks for before anything else: TLS, or GSSAPI's encryption.
PG_SSL, PG_GSS = 80877103, 80877104
PIECE = 65_536


def make_certificates(folder: Path) -> Path:
    """By the fleet's own script, which lies in `folder` for that. Returns: its folder `secrets`."""
    script = folder / "docker-compose.tls.sh"
    script.write_bytes((ROOT / script.name).read_bytes())
    subprocess.run(["sh", str(script)], check=True, capture_output=True, timeout=60)
    return folder / "secrets"


class Front:
    """Listens on `port` of this machine with TLS, and passes what arrives on to a socket.

    postgres: whether clients ask for TLS as those of PostgreSQL do; others begin with it.
    """

    def __init__(self, secrets: Path, name: str, upstream: Path, postgres: bool = False) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(secrets / f"{name}.crt", secrets / f"{name}.key")
        self._upstream, self._postgres = upstream, postgres
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        self.port: int = started.result(10)
        self.passed_on = 0  # connections whose handshake went well

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> int:
        context = None if self._postgres else self._context
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        return self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._postgres:
                await self._begin_tls(reader, writer)
            back_reader, back_writer = await asyncio.open_unix_connection(self._upstream)
            self.passed_on += 1
            await asyncio.gather(_copy(reader, back_writer), _copy(back_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client that did not like the certificate, or went
        finally:
            writer.close()

    async def _begin_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Raises ConnectionError for a client that begins without."""
        while True:
            _, code = struct.unpack("!II", await reader.readexactly(8))
            if code == PG_GSS:
                writer.write(b"N")
            elif code == PG_SSL:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._context)
                return
            else:
                raise ConnectionError("no TLS")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()

"""Fuzz target: the decoders, in a process of their own, which may crash or hang."""

import hashlib
import multiprocessing
import os
import re
import resource
import signal
import tempfile
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from model.errors import Rejection
from model.gate.frontal import check
from model.reading.radiograph import decode

AT_LEAST = 300  # as a worker asks for
HANG_S = 30
MAX_MB = 700
MAX_ADDRESS_SPACE = 8_000_000_000  # keeps the machine alive when a decoder does not


@dataclass(frozen=True)
class Finding:
    """Something that must not happen. Two with the same `key` count as one."""

    key: str
    details: str
    content: bytes
    ending: str

    @property
    def filename(self) -> str:
        return f"{hashlib.sha256(self.content).hexdigest()[:12]}.{self.ending}"


class Decoder:
    """Decodes in a child process, which is started again after a crash. Use as a context."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._start()

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def finding(self, data: bytes) -> Finding | None:
        """What goes wrong with this file; None when it gets a picture or a result."""
        try:
            self._pipe.send_bytes(data)
            answer = self._pipe.recv() if self._pipe.poll(HANG_S) else ("hang", f"over {HANG_S} s")
        except (EOFError, ConnectionError):
            self._process.join()
            answer = (f"crash {self._process.exitcode}", "the process died")
        if answer is None:
            return None
        key, details = answer
        if key.split()[0] in ("hang", "crash"):
            key += f" on {data[:4]!r}"
            self.kill()
            self._start()
        return Finding(key, details, data, "image")

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()  # its modules are loaded: that is no part of the first file's time


def _serve(pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        pipe.send("ready")
        while True:
            data = pipe.recv_bytes()
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
            answer = _judge(data)
            words = os.pread(said.fileno(), 2_000, 0)
            os.ftruncate(said.fileno(), 0)
            os.lseek(said.fileno(), 0, os.SEEK_SET)
            if answer is None and words:
                answer = f"stderr {words.split()[0]!r}", words.decode(errors="replace")
            if answer is None and _peak_mb() > MAX_MB:
                answer = "memory", f"{_peak_mb():.0f} MB"
            pipe.send(answer)


def _judge(data: bytes) -> tuple[str, str] | None:
    try:
        radiograph = decode(data, at_least=AT_LEAST)
        pixels = radiograph.pixels
        assert (pixels.dtype, pixels.ndim) == (np.float32, 2), "not (H, W) float32"
        assert np.isfinite(pixels).all(), "pixels that are no numbers"
        assert 0 <= pixels.min() <= pixels.max() <= 1, "pixels outside 0..1"
        assert np.isfinite(radiograph.colourfulness), "no colourfulness"
        check(radiograph)
    except Rejection as rejection:
        return None if rejection.message else ("silent", "a rejection without a message")
    except BaseException as error:
        return key_of(error), traceback.format_exc()
    return None


def key_of(error: BaseException) -> str:
    """The error's type and where it came from."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} {frame.name}"


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000

"""`python -m worker.pictures.draw LIMIT_S` draws pictures, each in a fork of its own.

Files of clinics are decoded here for people to see, and a file may be made to kill or to hang its
decoder. The fork has bounds on memory and time that the kernel enforces, also against a decoder in
C that holds the interpreter's lock; when it dies, the next picture gets another. Measured: a fork
takes 10 ms, a new interpreter with its libraries 0.9 s of processor time.

A line of JSON on stdin asks for one picture; a line on stdout says how the fork ended: DRAWN,
REFUSED, or the code of its death. Of encrypted files it is given the keys of these two alone: a
decoder that is taken over opens no others.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from functools import partial
from pathlib import Path

from model.drawing.maps import png
from model.drawing.pictures import film_png, grey, small_jpeg
from model.errors import Rejection
from model.reading import radiograph
from model.reading.burned_in import text_boxes, without_text
from worker.files.sealing import FileKey, unsealed
from worker.files.writing import replace_file
from worker.pictures.files import DRAWN, FAILED, FILM, REFUSED, SMALL

SMALL_AT_LEAST = 448  # pixels of the shorter side that a small picture is made from
# A decoder may unpack 400 MB at once; beside them there are a copy and the file.
MEMORY_BYTES = 1_500_000_000
PICTURE_BYTES = 64_000_000
PR_SET_PDEATHSIG = 1
# Loaded before the fork, or each would load them again.
DECODERS = ("pydicom.pixels", "openjpeg", "pylibjpeg", "PIL.JpegImagePlugin")


def main() -> None:
    limit_s = float(sys.argv[1])
    _die_with_parent()
    for name in DECODERS:
        importlib.import_module(name)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_drawn(limit_s, order))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _drawn(limit_s: float, order: dict) -> int:
    """In the fork. Returns: its exit code."""
    try:
        _bound(limit_s)
        to_read, to_write = (key and FileKey.from_json(key) for key in order["keys"])
        content = Path(order["source"]).read_bytes()
        file = unsealed(content, to_read) if to_read else content
        picture = _picture(file, order["what"], order["hide"])
        replace_file(Path(order["target"]), picture, to_write)
        return DRAWN
    except Rejection:
        return REFUSED
    except BaseException:
        return FAILED


def _picture(source: bytes, what: str | int, hide: list[list[float]] | None) -> bytes:
    """The picture SMALL, the picture FILM, or a PNG of at most so many pixels a side.

    Also of what was refused for what it shows: people look whether that was right.
    """
    decode = partial(radiograph.decode, source, any_subject=True)
    # A worker may have looked at another size, or not yet.
    found = () if hide is None else text_boxes(decode(at_least=SMALL_AT_LEAST).pixels)
    boxes = [*(hide or ()), *found]
    if what == SMALL:
        return small_jpeg(without_text(decode(at_least=SMALL_AT_LEAST), boxes))
    if what == FILM:
        return film_png(without_text(decode(whole_range=True), boxes))
    return png(grey(without_text(decode(at_least=what), boxes), what))


def _bound(limit_s: float) -> None:
    _die_with_parent()
    os.nice(10)  # workers come first
    # Decoders complain in their own words; those may tell of a patient.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for what, bound in (
        (resource.RLIMIT_AS, size + MEMORY_BYTES),
        (resource.RLIMIT_CPU, int(limit_s) + 1),
        (resource.RLIMIT_FSIZE, PICTURE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (bound, bound))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limit_s)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()

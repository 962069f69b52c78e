"""Maps in files: what `cxr classify --maps` writes."""

import re
from pathlib import Path

import numpy as np

from model.classifier import Result

# Endings that say nothing about which X-ray it is; the last number of a UID is not one of them.
SUFFIXES = {".dcm", ".dicom", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
MAX_NAME = 120  # characters, so that file systems take it with the number and the ending


class MapFolder:
    """A folder with one NAME.npz per classified file; equal names get numbers."""

    def __init__(self, path: Path) -> None:
        """Created if missing. Raises OSError when that cannot be done."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._taken: dict[str, int] = {}

    def write(self, file: str, result: Result) -> Path:
        """Write the maps of a result: a float16 array (h, w) for each of its maps, attention 0..1
        and evidence signed, and `box`, four float64: left, top, right, bottom as fractions of the
        X-ray.

        file: the X-ray's name, also inside a zip. Returns: the file written, which replaces one of
        an earlier run. Raises OSError, and leaves no half file then.
        """
        written = self.path / f"{self._unique(_safe(file))}.npz"
        unfinished = written.with_name(f".{written.name}")
        try:
            np.savez(unfinished, **result.maps, box=np.array(result.box))
            unfinished.replace(written)
        finally:
            unfinished.unlink(missing_ok=True)
        return written

    def _unique(self, name: str) -> str:
        # Some file systems take `a` and `A` for the same.
        found, key = name, name.casefold()
        while found.casefold() in self._taken:
            self._taken[key] += 1
            found = f"{name}-{self._taken[key]}"
        self._taken[found.casefold()] = 1
        return found


def _safe(file: str) -> str:
    """The file's own name without its ending, in characters that every file system takes."""
    name = re.split(r"[/\\]", file)[-1]
    stem, dot, ending = name.rpartition(".")
    if f"{dot}{ending}".lower() in SUFFIXES:
        name = stem
    name = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._-")
    return name[:MAX_NAME] or "image"

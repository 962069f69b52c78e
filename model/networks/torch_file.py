"""A PyTorch file of weights as arrays, without PyTorch (some 900 MB for one file).

The format before 1.6: pickles of a magic number, a version, the machine, the tensors and the names
of their storages, then the storages' bytes. Only what such a file needs can be unpickled.
"""

import collections
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from model.errors import ModelError

DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    storage: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, np.dtype] = {}

    def persistent_load(self, pid: tuple) -> str:
        _, dtype, key, *_ = pid
        self.dtypes[key] = dtype
        return key

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: _Tensor(
                storage, offset, shape, stride
            )
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")


def read_torch_file(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a state dictionary by name. Raises ModelError for any other file."""
    try:
        with file.open("rb") as opened:
            reader = _Reader(opened)
            for _ in range(3):  # the magic number, the version, the machine
                reader.load()
            tensors = reader.load()
            storages = {key: _storage(opened, reader.dtypes[key]) for key in reader.load()}
            return {name: _array(tensor, storages) for name, tensor in tensors.items()}
    except (OSError, pickle.UnpicklingError, struct.error, KeyError, EOFError, ValueError) as error:
        raise ModelError(f"{file} is not a readable file of weights: {error}") from error


def _storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)


def _array(tensor: _Tensor, storages: dict[str, np.ndarray]) -> np.ndarray:
    values = storages[tensor.storage][tensor.offset :]
    strides = [step * values.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(values, tensor.shape, strides).copy()

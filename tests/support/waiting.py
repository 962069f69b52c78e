"""Shared by all tests: what they need from the machine, and waiting for something to happen."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

NO_DATA = "CXR_DATA is not set: this test needs the X-rays of the training data"


def data_folder() -> Path:
    """The folder of training data; skips the test when there is none."""
    if not os.environ.get("CXR_DATA"):
        pytest.skip(NO_DATA)
    return Path(os.environ["CXR_DATA"])


def wait_for(what: Callable[[], T], timeout_s: float = 30.0, every_s: float = 0.05) -> T:
    """Call `what` until it gives something true; fails the test after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {timeout_s} s; the last answer was {found!r}")
        time.sleep(every_s)

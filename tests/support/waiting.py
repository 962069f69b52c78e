"""Waiting for something to happen."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")


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

"""A process in which nothing moves any more is ended, whatever it hangs in."""

import subprocess
import sys

import pytest

# Real processes that hang.
pytestmark = pytest.mark.slow

WAIT = "import time; time.sleep(30)"
# PyDLL keeps the interpreter's lock: no Python thread and no signal handler can run.
HANG_IN_C = "import ctypes; ctypes.PyDLL(None).pause()"


def run(program: str, timeout_s: float = 20) -> subprocess.CompletedProcess:
    started = f"from worker.liveness.watchdog import Watchdog; watchdog = Watchdog(0.5); {program}"
    return subprocess.run(
        [sys.executable, "-c", started], capture_output=True, text=True, timeout=timeout_s
    )


@pytest.mark.parametrize("hang", [WAIT, HANG_IN_C])
def test_what_hangs_is_ended_and_says_where(hang):
    ended = run(f"watchdog.moved(); {hang}")
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert "File" in ended.stderr


def test_what_moves_is_left_alone():
    moving = "import time\nfor _ in range(8):\n    watchdog.moved()\n    time.sleep(0.1)"
    assert run(f"\n{moving}\nwatchdog.rest(); time.sleep(0.8); print('well')").stdout == "well\n"

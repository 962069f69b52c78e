"""Workers that die, freeze or are told to go."""

import os
import resource
import signal
import subprocess
import sys
import time

from tests.faults.machine import LEASE_S
from tests.faults.scenarios.registry import scenario
from tests.faults.services import wait_until_gone
from tests.faults.trial import Trial, chest
from tests.support.waiting import wait_for

SPARE_BYTES = 16_000_000
LARGE = 2000


@scenario()
def worker_killed(trial: Trial) -> None:
    """kill -9 of a worker in the middle of a batch"""
    trial.in_the_middle()
    trial.machine.kill("worker")
    trial.over()


@scenario()
def all_workers_killed(trial: Trial) -> None:
    """kill -9 of every worker at once"""
    trial.in_the_middle()
    for pid in trial.machine.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    trial.over()


@scenario()
def worker_out_of_memory(trial: Trial) -> None:
    """A worker runs out of memory (limit on its address space)"""
    pid = trial.machine.fresh_worker()  # another has memory to spare from its last images
    with open(f"/proc/{pid}/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (size + SPARE_BYTES, size + SPARE_BYTES))
    trial.upload(16, file=chest(LARGE, "PNG"))
    trial.upload()
    assert not wait_until_gone({pid}, 30), "the limit did not end the worker"
    trial.over()


@scenario(recomputes=False)
def worker_terminated(trial: Trial) -> None:
    """SIGTERM to a worker in the middle of a batch: it finishes what it holds"""
    trial.in_the_middle()
    trial.machine.kill("worker", signal.SIGTERM)
    trial.over()


@scenario()
def worker_quit(trial: Trial) -> None:
    """SIGQUIT to a worker in the middle of a batch: it finishes or gives back"""
    trial.in_the_middle()
    pid = trial.machine.kill("worker", signal.SIGQUIT)
    assert not wait_until_gone({pid}, 15), "it did not end within the grace of the supervisor"
    trial.over()


@scenario()
def worker_frozen(trial: Trial) -> None:
    """SIGSTOP of a worker past its lease, then SIGCONT: its late results are fenced off"""
    trial.in_the_middle()
    pid = trial.machine.kill("worker", signal.SIGSTOP)
    time.sleep(LEASE_S + trial.chance.uniform(1, 3))
    os.kill(pid, signal.SIGCONT)
    trial.over()
    wait_for(trial.complete, timeout_s=30)
    time.sleep(0.5)  # what it held is long done, and it now tries to save its own


@scenario()
def two_sweepers(trial: Trial) -> None:
    """Two sweepers at once, while a worker is killed"""
    machine = trial.machine
    command = [sys.executable, "-m", "cxr", "sweep"]
    second = subprocess.Popen(
        command, env={**os.environ, **machine.environment}, stderr=subprocess.DEVNULL
    )
    try:
        trial.in_the_middle()
        machine.kill("worker")
        trial.over()
        wait_for(trial.complete, timeout_s=30)
    finally:
        second.terminate()
        second.wait(15)

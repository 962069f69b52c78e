"""What hits the whole machine: its supervisor, its clock, a restart with jobs cancelled."""

import os
import signal
import time

from tests.faults.scenarios.registry import Unavailable, scenario
from tests.faults.trial import Trial

HOUR_S = 3600


@scenario()
def supervisor_killed(trial: Trial) -> None:
    """Supervisor killed: no process of it stays; started again, the job goes on"""
    trial.in_the_middle()
    trial.machine.kill_supervisor()
    trial.machine.start()
    trial.over()


@scenario()
def clock_set_back(trial: Trial) -> None:
    """The machine's clock set back by an hour while a worker is killed"""
    clock = trial.machine.clock
    if not clock.available:
        raise Unavailable("there is no C compiler to make a clock with")
    trial.in_the_middle()
    trial.machine.kill("worker")
    clock.set_ahead(-HOUR_S)
    trial.over()


@scenario()
def clock_set_ahead(trial: Trial) -> None:
    """The machine's clock set ahead by an hour while workers hold images"""
    clock = trial.machine.clock
    if not clock.available:
        raise Unavailable("there is no C compiler to make a clock with")
    trial.in_the_middle()
    clock.set_ahead(HOUR_S)
    trial.over()


@scenario()
def cancelled_over_a_restart(trial: Trial) -> None:
    """A cancelled job stays so over a restart of everything, and is resumed afterwards"""
    machine = trial.machine
    job_id = trial.in_the_middle()
    trial.post(f"/jobs/{job_id}/cancel")
    for pid in machine.pids("worker"):
        os.kill(pid, signal.SIGKILL)
    machine.kill_supervisor()
    machine.start()
    cancelled = trial.job(job_id).counts.cancelled
    time.sleep(trial.chance.uniform(0.5, 2))
    counts = trial.job(job_id).counts
    assert counts.waiting == 0, "an image of a cancelled job was to start"
    assert counts.cancelled >= cancelled > 0
    trial.post(f"/jobs/{job_id}/resume")
    trial.over()

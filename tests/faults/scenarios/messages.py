"""A queue that dies, forgets, fills up or holds nonsense."""

import json
import time
from contextlib import closing

from tests.faults.scenarios.registry import REDIS_BACK_S, scenario
from tests.faults.trial import Trial
from tests.support.waiting import wait_for
from worker.queue.application import CLASSIFY, QUEUE, make_celery
from worker.settings import Settings


@scenario(within_s=REDIS_BACK_S)
def redis_killed(trial: Trial) -> None:
    """Redis killed and restarted (append-only file)"""
    trial.in_the_middle()
    trial.machine.queue.kill()
    time.sleep(trial.chance.uniform(0, 1))
    trial.machine.queue.start()
    trial.over()


@scenario(within_s=REDIS_BACK_S)
def redis_gone(trial: Trial) -> None:
    """Redis gone for 60 s while uploads go on"""
    trial.in_the_middle()
    trial.machine.queue.kill()
    _idle_perhaps(trial)
    began = time.monotonic()
    trial.upload()
    assert time.monotonic() - began < 10, "an upload waited for a Redis that is away"
    time.sleep(trial.outage_s(60))
    trial.machine.queue.start()
    trial.over()


@scenario(within_s=REDIS_BACK_S)
def redis_frozen(trial: Trial) -> None:
    """Redis takes connections and does not answer, while uploads go on"""
    trial.in_the_middle()
    with trial.machine.queue.frozen():
        _idle_perhaps(trial)
        trial.upload()
        time.sleep(trial.outage_s(30))
    trial.over()


@scenario(within_s=REDIS_BACK_S)
def redis_wiped(trial: Trial) -> None:
    """Redis wiped"""
    trial.in_the_middle()
    trial.machine.queue.client.flushall()
    trial.over()


@scenario(within_s=REDIS_BACK_S)
def redis_full(trial: Trial) -> None:
    """Redis full (noeviction: it answers OOM), while uploads go on"""
    queue = trial.machine.queue.client
    trial.in_the_middle()
    queue.config_set("maxmemory", 1)
    try:
        _idle_perhaps(trial)
        trial.upload()
        time.sleep(trial.outage_s(20))
    finally:
        queue.config_set("maxmemory", 0)
    trial.over()


@scenario(recomputes=False)
def odd_messages(trial: Trial) -> None:
    """Messages twice, in another order, of another version, unknown or broken"""
    queue = trial.machine.queue.client
    job_id = trial.upload()
    waiting = queue.lrange(QUEUE, 0, -1)
    twice = waiting * 2
    trial.chance.shuffle(twice)
    if twice:
        queue.lpush(QUEUE, *twice)
    celery = make_celery(Settings(redis_url=trial.machine.queue.url))
    with closing(celery):
        celery.send_task(CLASSIFY)
        celery.send_task(CLASSIFY, args=(1, "more"), kwargs={"attempt": 2})
        celery.send_task("worker.classify_batch", args=([1, 2, 3],))
    queue.lpush(QUEUE, json.dumps({"body": "%%%", "headers": {}, "properties": {}}))
    queue.lpush(QUEUE, "not even JSON")
    trial.over()
    wait_for(lambda: trial.job(job_id).counts.waiting == 0, timeout_s=30)


def _idle_perhaps(trial: Trial) -> None:
    """Workers at work need no message for what waits already: half of the time, let them finish."""
    if trial.chance.random() < 0.5:
        wait_for(trial.complete, timeout_s=30)

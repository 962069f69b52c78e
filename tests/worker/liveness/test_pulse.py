"""What shows that a worker lives, and for how long it holds what it took."""

import sqlite3
import threading
import time

import pytest
from sqlalchemy import select

from tests.support.rows import create_job, new_images, worker_record
from worker.liveness.pulse import Pulse
from worker.records.images import ImageStatus
from worker.store.schema import Image


@pytest.fixture
def held(store, clinic) -> None:
    create_job(store, clinic.id, "job", new_images(3))


def pulse_of(store, lease_s: float = 20, step_limit_s: float = 60) -> Pulse:
    return Pulse(store, worker_record("this"), lease_s, step_limit_s)


def left_s(store) -> list[float]:
    with store.database.reading() as session:
        moments = select(store.database.seconds_until(Image.lease_until))
        return list(session.scalars(moments.where(Image.lease_until.is_not(None))))


def test_the_first_beat_makes_the_worker_known(store):
    pulse = pulse_of(store)
    pulse.beat()
    assert [worker.id for worker in store.workers_up()] == ["this"]
    pulse.stop()
    assert store.workers_up() == []


@pytest.mark.slow
def test_steps_renew_the_leases_when_it_is_time(store, held):
    pulse = pulse_of(store, lease_s=0.8)
    pulse.claim(3)
    for _ in range(20):  # 2 s of work
        time.sleep(0.1)
        pulse.moved()
        assert store.take_back_expired(max_attempts=3) == {}
    time.sleep(1)
    assert store.take_back_expired(max_attempts=3) == {ImageStatus.WAITING: 3}, "nothing moved"


def test_beats_are_few(store, held, monkeypatch):
    beats = []
    beat = store.beat
    monkeypatch.setattr(store, "beat", lambda *given: beats.append(given) or beat(*given))
    pulse = pulse_of(store)
    pulse.claim(3)
    for _ in range(1000):
        pulse.moved()
    assert len(beats) == 1


def test_a_slow_step_holds_its_images_as_long_as_the_watchdog_lets_it_live(store, held):
    pulse = pulse_of(store)
    pulse.beat()
    pulse.claim(1)
    assert max(left_s(store)) < 20.1
    with pulse.slow_step():
        assert 60 < min(left_s(store)) < 80.1
        pulse.claim(1)
        with pulse.slow_step():
            assert min(left_s(store)) > 60, "one that was taken since, too"
    pulse._next_at = 0
    pulse.beat()
    assert max(left_s(store)) < 20.1, "afterwards they are short again"


def test_another_thread_does_not_shorten_the_leases_of_a_slow_step(store, held):
    pulse = pulse_of(store)
    pulse.claim(2)
    with pulse.slow_step():
        pulse._next_at = 0
        other = threading.Thread(target=pulse.moved)
        other.start()
        other.join()
        assert min(left_s(store)) > 60


def test_a_locked_database_stops_no_worker(settings, store, held, monkeypatch, caplog):
    monkeypatch.setattr("worker.store.database.BUSY_TIMEOUT_S", 0.1)
    impatient = type(store)(settings.database_url)
    pulse = pulse_of(impatient)
    other = sqlite3.connect(settings.home / "cxr.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    pulse.moved()
    assert "no sign of life" in caplog.text
    other.execute("ROLLBACK")
    other.close()
    pulse._next_at = 0
    pulse.moved()
    assert [worker.id for worker in impatient.workers_up()] == ["this"]
    impatient.close()

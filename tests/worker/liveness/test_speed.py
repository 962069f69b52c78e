from worker.liveness import speed
from worker.liveness.speed import Speed


def test_the_speed_is_that_of_the_last_minute(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(speed.time, "monotonic", lambda: now[0])
    measured = Speed()
    assert measured.images_per_second == 0
    now[0] += 10
    measured.note(30)
    assert measured.images_per_second == 3, "since the start, 10 s ago"
    now[0] += 50
    assert measured.images_per_second == 0.5
    now[0] += 11
    assert measured.images_per_second == 0, "a minute without any"
    assert measured.processed == 30

import time

import pytest

from web.door.limits import Limits, Pace


def test_only_waiting_for_the_peer_uses_up_patience():
    pace = Pace(Limits(patience_s=10))
    with pace:
        time.sleep(0.05)
    time.sleep(0.05)
    assert pace.left_s == pytest.approx(9.95, abs=0.04)


def test_bytes_give_patience_back_but_never_more_than_at_first():
    pace = Pace(Limits(patience_s=10, min_bytes_per_s=1000))
    pace.left_s = 2
    pace.moved(3000)
    assert pace.left_s == 5
    pace.moved(10**9)
    assert pace.left_s == 10

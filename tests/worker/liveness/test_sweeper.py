"""The sweeper's own loop; what it does in a round is tested where that is done."""

import errno
import threading
from dataclasses import replace

from sqlalchemy.exc import OperationalError

from worker.liveness import sweeper


def test_it_outlives_a_lost_database_and_a_disk_that_does_not_obey(
    settings, store, monkeypatch, caplog
):
    stopping = threading.Event()
    troubles = [
        OSError(errno.EIO, "Input/output error"),
        OperationalError("SELECT", {}, Exception("connection lost")),
    ]

    def settle(*_) -> bool:
        if troubles:
            raise troubles.pop()
        stopping.set()
        return False

    monkeypatch.setattr(sweeper, "settle", settle)
    sweeper.run_sweeper(replace(settings, sweep_interval_s=0.01), stopping)
    assert troubles == []
    assert "the database is unreachable" in caplog.text
    assert "the disk does not obey (Input/output error)" in caplog.text

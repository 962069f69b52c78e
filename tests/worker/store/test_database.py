"""Connections to a database that does not answer."""

from contextlib import ExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError


@pytest.mark.parametrize("kind", ["writing", "noting", "reading"])
def test_when_no_connection_becomes_free_the_database_is_unreachable(store, kind):
    """Every connection may wait for a host that swallows packets; callers try again then."""
    database = store.database
    engine = {"writing": database._writer, "noting": database._noter, "reading": database._reader}
    pool = engine[kind].pool
    pool._timeout = 0.05
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(engine[kind].connect())
        with pytest.raises(OperationalError), getattr(database, kind)() as session:
            session.execute(text("SELECT 1"))
    with getattr(database, kind)() as session:
        assert session.scalar(text("SELECT 1")) == 1

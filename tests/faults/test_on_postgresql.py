"""Once on PostgreSQL: the faults in which its locks, its clock or its connections take part.

Those of Redis, of uploads and of orderly ends run here on SQLite alone, and on both many times with
`python -m tests.faults`.
"""

import pytest

FAULTS = (
    "all_workers_killed",
    "clock_set_ahead",
    "clock_set_back",
    "connection_lost_at_the_commit",
    "database_gone",
    "database_locked",
    "database_restarted",
    "redis_wiped",
    "supervisor_killed",
    "one_key_twice_at_once",
    "two_sweepers",
    "upload_broken_off",
    "web_killed_before_sending",
    "worker_frozen",
    "worker_killed",
    "worker_out_of_memory",
)


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_and_nothing_comes_twice(check, name):
    check(name, "postgresql")

"""Which faults `make test` tries once, and where: of every kind one that is quick to try, on the
database whose locks, clock or connections it needs.

`python -m tests.faults` tries every fault on both, many times. A test compares these lists with the
scenarios: a new one is in them, or repeats what something else shows.
"""

ON_SQLITE = (
    "cancelled_over_a_restart",
    "database_locked",
    "disk_full",
    "odd_messages",
    "redis_gone",
    "web_killed_in_an_upload",
    "worker_killed",
    "worker_terminated",
)
ON_POSTGRESQL = (
    "clock_set_back",
    "database_gone",
    "one_key_twice_at_once",
    "redis_wiped",
    "two_sweepers",
    "upload_broken_off",
    "web_killed_before_sending",
    "worker_frozen",
    "worker_killed",
)
# A fault above, or a test of one part, that would fail for the same reason.
REPEATS = {
    "all_workers_killed": "worker_killed",
    "clock_set_ahead": "clock_set_back",
    "connection_lost_at_the_commit": "tests/web/api/uploads/test_lost_commit.py",
    "database_restarted": "database_gone",
    "redis_frozen": "web_killed_before_sending",
    "redis_full": "redis_gone",
    "redis_killed": "redis_gone",
    "sick_pictures": "tests/worker/pictures/test_painter.py",
    "silent_and_slow_clients": "tests/web/door/test_door.py",
    "supervisor_killed": "cancelled_over_a_restart",
    "web_process_killed": "web_killed_in_an_upload",
    "worker_out_of_memory": "worker_killed",
    "worker_quit": "worker_terminated",
}

"""Which faults `make test` tries once on PostgreSQL: those in which the database's locks, its clock
or its connections take part. It tries the others, and those of BOTH, on SQLite; `python -m
tests.faults` tries every fault on both, many times."""

ON_POSTGRESQL = (
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
BOTH = (
    "connection_lost_at_the_commit",
    "database_locked",
    "one_key_twice_at_once",
    "two_sweepers",
    "worker_killed",
)

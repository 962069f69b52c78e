"""What is kept of a password."""

from argon2 import extract_parameters

from worker.passwords import hashed, is_outdated, matches

PASSWORD = "correct horse battery staple"


def test_a_hash_costs_at_least_what_owasp_asks_for():
    kept = hashed(PASSWORD)
    parameters = extract_parameters(kept)
    assert kept.startswith("$argon2id$")
    assert parameters.memory_cost >= 19 * 1024  # KiB
    assert parameters.time_cost >= 2
    assert parameters.salt_len >= 16
    assert not is_outdated(kept)


def test_only_the_password_matches_and_its_hash_differs_each_time():
    kept = hashed(PASSWORD)
    assert matches(PASSWORD, kept)
    assert not matches(PASSWORD.upper(), kept)
    assert not matches("", None)
    assert hashed(PASSWORD) != kept


def test_a_hash_of_other_parameters_is_outdated():
    assert is_outdated("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$" + 43 * "A")

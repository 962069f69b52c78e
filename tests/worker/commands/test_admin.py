"""`cxr token`: who may come in, for how long, and what for."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from worker.access import Scope
from worker.commands.admin import token
from worker.tokens import is_well_formed


@pytest.fixture
def invoke(settings):
    environment = settings.environment()

    def run(*arguments: str, columns: int = 120):
        return CliRunner().invoke(token, arguments, env=environment | {"COLUMNS": str(columns)})

    return run


@pytest.fixture
def create(invoke, store):
    def make(*arguments: str, clinic: str = "St. Anna") -> dict:
        done = invoke("create", "--clinic", clinic, *arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return make


def test_a_token_opens_its_clinic_with_its_scopes(create, store):
    first = create("--scope", "read")
    second = create("--scope", "upload,read", "--scope", "delete")
    assert first["id"] != second["id"]
    for made, scopes in ((first, {"read"}), (second, {"read", "upload", "delete"})):
        principal = store.principal_of_token(made["token"])
        assert principal.clinic.name == "St. Anna"
        assert principal.scopes == scopes
    assert len(store.tokens(principal.clinic.id)) == 2


def test_without_json_the_token_alone_is_on_the_standard_output(invoke, store):
    done = invoke("create", "--clinic", "St. Anna", "--scope", "read")
    assert is_well_formed(done.stdout.strip())
    assert "cxr token revoke" in done.stderr


def test_a_secret_scanner_recognises_a_token_and_a_mistyped_one(create):
    made = create("--scope", "read")["token"]
    assert re.fullmatch(r"cxr_[0-9A-Za-z]{38}", made)
    assert is_well_formed(made)
    swapped = made[:10] + ("a" if made[10] != "a" else "b") + made[11:]
    assert not is_well_formed(swapped)
    assert not is_well_formed("a-token-of-somebody")


def test_only_its_hash_is_kept(create, settings):
    made = create("--scope", "read")["token"]
    for file in settings.home.glob("cxr.db*"):
        assert made.encode() not in file.read_bytes()


def test_a_token_ends_on_its_day(create, store):
    made = create("--scope", "read", "--expires", "0.5")
    assert store.principal_of_token(made["token"])
    (record,) = [one for one in store.tokens() if one.id == made["id"]]
    assert timedelta(hours=11) < record.expires_at - datetime.now(UTC) < timedelta(hours=12)
    brief = create("--scope", "read", "--expires", "0.00000001")
    assert store.principal_of_token(brief["token"]) is None
    assert [one.state for one in store.tokens() if one.id == brief["id"]] == ["expired"]


def test_a_revoked_token_lets_nobody_in(invoke, create, store):
    made = create("--scope", "read")
    assert invoke("revoke", str(made["id"])).exit_code == 0
    assert store.principal_of_token(made["token"]) is None
    listed = json.loads(invoke("list", "--json").stdout)
    assert [one["state"] for one in listed if one["id"] == made["id"]] == ["revoked"]
    missing = invoke("revoke", "999")
    assert missing.exit_code == 1
    assert "There is no token 999." in missing.output


def test_a_narrow_terminal_breaks_no_number_token_or_day(invoke, create, store):
    made = create("--scope", "read,upload,review", "--expires", "90", "--name", "night upload")
    (kept,) = (one for one in store.tokens() if one.id == made["id"])
    words = invoke("list", columns=80).stdout.split()
    ends = kept.expires_at
    assert {str(kept.id), f"{kept.hint}…", f"{ends:%Y-%m-%d}", f"{ends:%H:%M}"} <= set(words)


def test_the_list_shows_everything_but_the_secret(invoke, create):
    made = create("--scope", "read", "--name", "the archive")
    for shown in (invoke("list").stdout, invoke("list", "--json").stdout):
        assert made["token"] not in shown
        assert made["token"][:8] in shown
        assert "the archive" in shown
        assert "St. Anna" in shown
    assert json.loads(invoke("list", "--clinic", "another", "--json").stdout) == []


def test_names_are_no_markup(invoke, create):
    """Tokens are named by their clinics, too: none of them may hide the list from the operator."""
    create("--scope", "read", "--name", "[/red] for [bold]PACS", clinic="[/clinic]")
    shown = invoke("list").stdout
    assert "[/red] for [bold]PACS" in shown
    assert "[/clinic]" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--clinic", "a", "--scope", "everything"), "is not one of read, review"),
        (("--clinic", "a"), "Missing option '--scope'"),
        (("--clinic", "a", "--scope", ","), "names no scope"),
        (("--clinic", " ", "--scope", "read"), "must be a name"),
        (("--scope", "read"), "give its name with --clinic"),
        (("--clinic", "a", "--scope", "operate"), "belongs to none"),
        (("--clinic", "a", "--scope", "read", "--expires", "0"), "--expires"),
        (("--clinic", "a", "--scope", "read", "--expires", "nan"), "is no number"),
        (("--clinic", "a\nb", "--scope", "read"), "printable characters"),
    ],
)
def test_what_makes_no_sense_is_refused(invoke, store, arguments, said):
    done = invoke("create", *arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_a_token_of_the_whole_system_belongs_to_no_clinic(invoke, store):
    made = json.loads(invoke("create", "--scope", "operate", "--json").stdout)
    principal = store.principal_of_token(made["token"])
    assert (principal.clinic, principal.scopes) == (None, {Scope.OPERATE})


def test_without_tables_it_says_what_to_do(invoke):
    done = invoke("create", "--clinic", "St. Anna", "--scope", "read")
    assert done.exit_code == 1
    assert "cxr migrate" in done.output

"""The commands of access tokens: `cxr token`."""

import json
from collections.abc import Iterable
from datetime import datetime

import click

from worker.access import SCOPE_MEANS, Scope, TokenRecord
from worker.audit import Action, AuditEvent
from worker.commands.shared import command_event, opened_store

MAX_NAME = 200
MAX_DAYS = 3650
SCOPES_HELP = "\b\n" + "\n".join(f"{scope:<8} {means}" for scope, means in SCOPE_MEANS.items())


class Days(click.FloatRange):
    """A range, which click takes `nan` to be in."""

    def convert(self, value, param, context) -> float:
        number = super().convert(value, param, context)
        return number if number == number else self.fail(f"{value!r} is no number.", param, context)


class ScopeList(click.ParamType):
    """One scope, or several with commas between them."""

    name = "scope"

    def convert(self, value, param, context) -> tuple[Scope, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(Scope(word.strip()) for word in value.split(",") if word.strip())
        except ValueError:
            self.fail(f"{value!r} is not one of {', '.join(Scope)}.", param, context)


@click.group()
def token() -> None:
    """Access tokens of programs: create, list, revoke."""


@token.command(epilog=SCOPES_HELP)
@click.option("--clinic", help="The clinic that it belongs to; created if missing.")
@click.option(
    "--scope",
    "scopes",
    type=ScopeList(),
    multiple=True,
    required=True,
    metavar="SCOPE",
    help=f"What it may do; repeat it for several. One of {', '.join(Scope)}.",
)
@click.option("--name", default="", help="What it is for; shown by `cxr token list`.")
@click.option(
    "--expires",
    type=Days(0, MAX_DAYS, min_open=True),
    metavar="DAYS",
    help="Days until it expires. Default: it stays valid until it is revoked.",
)
@click.option("--json", "as_json", is_flag=True, help="Print id and token as one JSON document.")
def create(
    clinic: str | None,
    scopes: tuple[tuple[Scope, ...], ...],
    name: str,
    expires: float | None,
    as_json: bool,
) -> None:
    """Create an access token and print it. It cannot be shown again.

    A clinic sees only its own jobs, and waiting clinics get equal shares of the workers.
    """
    wanted = {scope for group in scopes for scope in group}
    clinic = clinic_name(clinic)
    if not wanted:
        raise click.UsageError("--scope names no scope.")
    if (clinic is None) != (wanted == {Scope.OPERATE}):
        raise click.UsageError(
            "A token belongs to a clinic: give its name with --clinic. Only a token with the scope "
            "`operate` alone belongs to none."
        )
    with opened_store() as store:
        made, secret = store.create_token(clinic, wanted, name.strip()[:MAX_NAME], expires)
        store.audit([_event(Action.TOKEN_CREATED, made)])
    if as_json:
        click.echo(json.dumps({"id": made.id, "token": secret}))
        return
    click.echo(secret)
    click.echo(f"Token {made.id}; `cxr token revoke {made.id}` ends it.", err=True)


@token.command("list")
@click.option("--clinic", help="Only the tokens of this clinic.")
@click.option("--json", "as_json", is_flag=True, help="Print them as one JSON document.")
def list_tokens(clinic: str | None, as_json: bool) -> None:
    """List the tokens, without their secrets."""
    clinic = clinic_name(clinic)
    with opened_store() as store:
        found = [one for one in store.tokens() if clinic is None or _clinic_name(one) == clinic]
    if as_json:
        click.echo(json.dumps([_document(one) for one in found]))
    else:
        _print_table(found)


@token.command()
@click.argument("token_id", type=click.IntRange(min=1), metavar="ID")
def revoke(token_id: int) -> None:
    """End the token with the number ID, and every session that was opened with it, at once."""
    with opened_store() as store:
        store.revoke_token(token_id)
        (revoked,) = (one for one in store.tokens() if one.id == token_id)
        store.audit([_event(Action.TOKEN_REVOKED, revoked)])
    click.echo(f"Token {token_id} is revoked.")


def _event(action: Action, token: TokenRecord) -> AuditEvent:
    clinic_id = token.clinic.id if token.clinic else None
    return command_event(action, clinic_id, token=token.id, scopes=" ".join(token.scopes))


def clinic_name(clinic: str | None) -> str | None:
    """The name as it is kept. Raises click.UsageError."""
    if clinic is None:
        return None
    name = clinic.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise click.UsageError(
            f"--clinic must be a name of 1 to {MAX_NAME} printable characters. Received: "
            f"{len(name)}, {name!a}."
        )
    return name


def _clinic_name(token: TokenRecord) -> str | None:
    return token.clinic.name if token.clinic else None


def _document(token: TokenRecord) -> dict[str, object]:
    return {
        "id": token.id,
        "clinic": _clinic_name(token),
        "name": token.name,
        "hint": token.hint,
        "scopes": list(token.scopes),
        "state": token.state,
        "created_at": _time(token.created_at),
        "expires_at": _time(token.expires_at),
        "last_used_at": _time(token.last_used_at),
        "revoked_at": _time(token.revoked_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def _minute(moment: datetime | None) -> str:
    """In words that a narrow terminal breaks between day and hour."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "never"


def _print_table(tokens: Iterable[TokenRecord]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("ID", "Clinic", "Name", "Token", "Scopes", "State", "Used (UTC)", "Ends (UTC)"):
        # What is copied is not broken over two lines, and a day is not broken in its middle.
        width = len("2026-01-31") if column.endswith("(UTC)") else None
        table.add_column(
            column, overflow="fold", no_wrap=column in ("ID", "Token"), min_width=width
        )
    for one in tokens:
        shown = (
            str(one.id),
            _clinic_name(one) or "",
            one.name,
            f"{one.hint}…" if one.hint else "",
            " ".join(one.scopes),
            one.state,
            _minute(one.last_used_at),
            _minute(one.expires_at),
        )
        # Text, not str: a name may hold what rich takes for markup.
        table.add_row(*map(Text, shown))
    Console(soft_wrap=True).print(table)

"""`cxr up`: the whole system on one machine. `cxr web`: the web server alone.

`cxr sign-in` and `cxr invite`: links for those who use it.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from web.local.machine import OneMachine, link_address
from worker.access import Role
from worker.audit import Action
from worker.commands.admin import clinic_name
from worker.commands.shared import command_event
from worker.errors import worker_errors
from worker.logs import log_to_stderr
from worker.records.clinics import ClinicRecord
from worker.settings import Settings
from worker.store import Store
from worker.store.migrations import check_up_to_date


@click.command()
@click.option("--host", help="Address to listen on. Default: CXR_HOST or 127.0.0.1.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port; 0 picks a free one. Default: CXR_PORT or 8000.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of all data. Default: CXR_HOME or ~/.local/share/cxr-batch.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Worker processes. Default: CXR_WORKERS, or one per core.",
)
def up(host: str | None, port: int | None, home: Path | None, workers: int | None) -> None:
    """Start everything on this machine, and stop it with Ctrl-C.

    The queue, the workers, the sweeper and the web server run under one supervisor, which starts a
    part again when it dies. Jobs continue where they stopped.
    """
    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env(host=host, port=port, home=home, workers=workers)
        OneMachine(settings).run()


@click.command("sign-in")
@click.option(
    "--url",
    envvar="CXR_URL",
    show_envvar=True,
    help="Address of the server. Default: where `cxr up` last ran in this home.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of all data. Default: CXR_HOME or ~/.local/share/cxr-batch.",
)
def sign_in(url: str | None, home: Path | None) -> None:
    """Print a link that signs a browser in, once, with the token of this machine."""
    from web.client.shared import client_errors, known_token  # `up` and `web` start sooner without

    log_to_stderr()
    with client_errors(), worker_errors():
        settings = Settings.from_env(home=home)
        with _store(settings) as store:
            token = known_token(settings.token, settings)
            link, clinic = store.sign_in_link(token), store.principal_of_token(token).clinic
            _note(store, clinic, {"what": "sign_in_link"})
        click.echo(link_address(url or settings.known_address, link))


@click.command()
@click.option("--clinic", help="The clinic that they join; created if missing.")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    required=True,
    help="Their role there; repeat the option for several. An operator belongs to no clinic.",
)
@click.option(
    "--url",
    envvar="CXR_URL",
    show_envvar=True,
    help="Address of the server. Default: where `cxr up` last ran in this home.",
)
def invite(clinic: str | None, roles: tuple[Role, ...], url: str | None) -> None:
    """Print a link with which a person makes an account, once, within 7 days."""
    if (clinic is None) != (set(roles) == {Role.OPERATOR}):
        raise click.UsageError(
            "A person belongs to a clinic: give its name with --clinic. Only an operator, who has "
            "no other role, belongs to none."
        )
    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env()
        with _store(settings) as store:
            link = store.invite(clinic_name(clinic), [Role(role) for role in roles])
            _note(store, store.link(link).clinic, {"what": "invitation", "roles": " ".join(roles)})
        click.echo(link_address(url or settings.known_address, link))


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    store = Store(settings.database_url)
    try:
        check_up_to_date(store.database)
        yield store
    finally:
        store.close()


def _note(store: Store, clinic: ClinicRecord | None, detail: dict[str, str]) -> None:
    """Who made a link leaves an entry in the audit trail, as who uses it does."""
    clinic_id = clinic.id if clinic else None
    store.audit([command_event(Action.CHANGED, clinic_id, **detail)])


@click.command()
def web() -> None:
    """Serve the pages and the REST API, until SIGTERM."""
    from web.door.server import serve

    log_to_stderr()
    with worker_errors():
        serve(Settings.from_env())

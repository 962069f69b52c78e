"""The commands of second factors: `cxr second-factor`."""

import click

from worker.audit import Action
from worker.commands.shared import command_event, opened_store

RULES = {True: "required", False: "optional"}


@click.group("second-factor")
def second_factor() -> None:
    """Whether people need a second factor to sign in, and what to do when one is lost."""


@second_factor.command("set")
@click.argument("clinic")
@click.argument("rule", type=click.Choice(list(RULES.values())))
def set_rule(clinic: str, rule: str) -> None:
    """Set whether a second factor is required in CLINIC of everybody with a password.

    People without one must set it up at their next request before they can do anything else.
    CXR_REQUIRE_SECOND_FACTOR=true of the web server requires it of everybody, operators included.
    """
    required = rule == RULES[True]
    with opened_store() as store:
        known = store.clinic_named(clinic)
        store.require_second_factor(known.id, required)
        detail = {"second_factor_required": "yes" if required else "no"}
        store.audit([command_event(Action.SETTINGS_CHANGED, known.id, **detail)])
    click.echo(f"{clinic}: {rule}")


@second_factor.command("list")
def list_rules() -> None:
    """List whether every clinic requires a second factor."""
    with opened_store() as store:
        for name, required in store.second_factor_rules():
            click.echo(f"{name}: {RULES[required]}")


@second_factor.command()
@click.argument("name")
def reset(name: str) -> None:
    """Remove the second factor of the person NAME, who lost it, and end their sessions.

    An admin does the same on the page People. This is for operators, who belong to no clinic, and
    for a clinic's only admin.
    """
    with opened_store() as store:
        known = store.credentials(name)
        if known is None:
            raise click.ClickException(f"Nobody who can sign in is called {name!r}.")
        person = known.person
        if not person.has_second_factor:
            raise click.ClickException(f"{person.name} has no second factor.")
        store.reset_second_factor(person.id)
        clinic_id = person.clinic.id if person.clinic else None
        detail = {"what": "second_factor_reset", "person": person.id}
        store.audit([command_event(Action.CHANGED, clinic_id, **detail)])
    click.echo(f"The second factor of {person.name} is removed, and their sessions have ended.")

"""The commands of patient data profiles: `cxr patient-data`."""

import json
import sys

import click

from worker.audit import Action
from worker.commands.shared import command_event, opened_store
from worker.patient_data import PROFILE_MEANS, Profile

PROFILES_HELP = "\b\n" + "\n".join(f"{name:<10} {means}" for name, means in PROFILE_MEANS.items())


@click.group("patient-data")
def patient_data() -> None:
    """What a clinic's files keep of their patients."""


@patient_data.command("set", epilog=PROFILES_HELP.replace("\b\n", "", 1))
@click.argument("clinic")
@click.argument("profile", type=click.Choice([one.value for one in Profile]))
@click.option(
    "--hide-text",
    is_flag=True,
    help="With `pseudonym`: pictures are black where text seems to be burned into the film. "
    "With `research` they always are.",
)
def set_profile(clinic: str, profile: str, hide_text: bool) -> None:
    """Set the PROFILE of CLINIC, for uploads from now on."""
    if hide_text and not Profile(profile).hides_text(chosen=True):
        raise click.UsageError(
            f"--hide-text goes with the profiles pseudonym and research. Received: {profile}."
        )
    with opened_store() as store:
        known = store.clinic_named(clinic)
        rule = store.set_profile(known.id, Profile(profile), hide_text)
        store.audit([command_event(Action.SETTINGS_CHANGED, known.id, **rule.as_detail())])
    click.echo(f"{clinic}: {rule}. {PROFILE_MEANS[rule.profile]}")


@patient_data.command("list")
def list_profiles() -> None:
    """List the profile of every clinic."""
    with opened_store() as store:
        for name, rule in store.patient_data_rules():
            click.echo(f"{name}: {rule}")


@patient_data.command()
@click.argument("clinic")
def pseudonym(clinic: str) -> None:
    """Print the pseudonyms of patient IDs, read from the standard input, one a line.

    So a clinic finds the patient of a pseudonym in its own lists. Needs the right to read the
    clinic's key: with PostgreSQL, that of the owner of the database.
    """
    from worker.deidentify.pseudonyms import Pseudonyms

    with opened_store() as store:
        known = store.clinic_named(clinic)
        keys = store.data_keys([known.id])
        if known.id not in keys:
            raise click.ClickException(
                f"{clinic} keeps patient IDs as they came: it has no pseudonyms."
            )
        store.audit([command_event(Action.VIEWED, known.id, what="pseudonyms")])
        made = Pseudonyms(keys[known.id].key)
        for line in sys.stdin:
            if line.strip():
                click.echo(made.patient(line))


@patient_data.command()
@click.argument("clinic")
@click.argument("job", type=click.IntRange(min=1))
def names(clinic: str, job: int) -> None:
    """Print the original file names of a JOB of CLINIC, as lines of JSON."""
    with opened_store() as store:
        known = store.clinic_named(clinic)
        store.audit([command_event(Action.VIEWED, known.id, job, what="original_names")])
        for image_id, name, original in store.original_names(known.id, job):
            found = {"image_id": image_id, "filename": name, "original_name": original}
            click.echo(json.dumps(found, ensure_ascii=False))

"""The commands of retention: `cxr retention`."""

from dataclasses import asdict

import click

from worker.audit import Action
from worker.commands.shared import command_event, opened_store
from worker.records.clinics import MAX_KEPT_DAYS, Retention

DAYS = click.IntRange(0, MAX_KEPT_DAYS)


@click.group()
def retention() -> None:
    """How long a clinic's jobs and files are kept, and which jobs stay whatever that says."""


@retention.command("set")
@click.argument("clinic")
@click.option(
    "--keep-files",
    type=DAYS,
    metavar="DAYS",
    help="Days after its end for which a job's X-rays are kept; 0: until the next round of the "
    "sweeper. Default: as long as the job.",
)
@click.option(
    "--keep-pictures",
    type=DAYS,
    metavar="DAYS",
    help="The same for small pictures, which may stay longer. Default: as long as the X-rays.",
)
@click.option(
    "--keep-maps",
    type=DAYS,
    metavar="DAYS",
    help="The same for maps of where the network looked. Default: as long as the job.",
)
@click.option(
    "--keep-jobs",
    type=DAYS,
    metavar="DAYS",
    help="Days after its end for which a job is kept with its results. Default: forever.",
)
def set_retention(
    clinic: str,
    keep_files: int | None,
    keep_pictures: int | None,
    keep_maps: int | None,
    keep_jobs: int | None,
) -> None:
    """Set how long CLINIC keeps its finished jobs. The options replace all that was set before."""
    try:
        keeps = Retention(keep_files, keep_pictures, keep_maps, keep_jobs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with opened_store() as store:
        known = store.clinic_named(clinic)
        store.set_retention(known.id, keeps)
        store.audit([command_event(Action.SETTINGS_CHANGED, known.id, **keeps.as_detail())])
    click.echo(f"{clinic}: {_described(keeps)}")


@retention.command("list")
def list_retention() -> None:
    """List what every clinic keeps, in days."""
    with opened_store() as store:
        for one in store.retention():
            click.echo(f"{one.clinic_name}: {_described(one.keeps)}")


@retention.command()
@click.argument("clinic")
@click.argument("job", type=click.IntRange(min=1))
def hold(clinic: str, job: int) -> None:
    """Keep a JOB of CLINIC until it is released: nobody can delete it, and no time ends it."""
    _change("hold_job", clinic, job)
    click.echo(f"Job {job} is held.")


@retention.command()
@click.argument("clinic")
@click.argument("job", type=click.IntRange(min=1))
def release(clinic: str, job: int) -> None:
    """Let a JOB of CLINIC that was held go again."""
    _change("release_job", clinic, job)
    click.echo(f"Job {job} is released.")


def _change(verb: str, clinic: str, job_id: int) -> None:
    with opened_store() as store:
        known = store.clinic_named(clinic)
        getattr(store, verb)(known.id, job_id)
        store.audit([command_event(Action.SETTINGS_CHANGED, known.id, job_id, what=verb)])


def _described(keeps: Retention) -> str:
    kinds = asdict(keeps).items()
    return ", ".join(f"{kind} {'all' if days is None else days}" for kind, days in kinds)

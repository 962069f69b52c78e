"""The commands of the audit trail: `cxr audit verify`, `cxr audit export`."""

import json
import sys

import click

from worker.audit import AuditRecord
from worker.commands.shared import opened_store


@click.group()
def audit() -> None:
    """The audit trail: check it, export it."""


@audit.command()
@click.option(
    "--expect",
    metavar="ID:HASH",
    help="The last entry that an earlier run printed: detects a trail that was cut or rewritten.",
)
def verify(expect: str | None) -> None:
    """Check that no entry was changed, removed or put between others. Exit code 1 if one was.

    Whoever can write to the database can also make a new chain, or cut the end off. Keep the line
    that this prints in another place, and give it back with --expect.
    """
    wanted = _parsed(expect)
    with opened_store() as store:
        found = store.check_audit()
        if found.broken_at is not None:
            click.echo(
                f"The trail is broken: entry {found.broken_at} is not what was written, or entries "
                f"before it are missing. The {found.entries} entries before that are intact.",
                err=True,
            )
            sys.exit(1)
        if wanted is not None and not _has(store, *wanted):
            click.echo(
                f"Entry {wanted[0]} is missing or another one: the trail was cut or rewritten.",
                err=True,
            )
            sys.exit(1)
    last = f" The last: {found.last_id}:{found.last_hash}" if found.entries else ""
    click.echo(f"{found.entries} entries are intact.{last}")


@audit.command()
@click.option("--clinic", help="Only the entries of this clinic.")
@click.option("--output", type=click.File("w", lazy=True), default="-", help="Default: stdout.")
def export(clinic: str | None, output) -> None:
    """Print every entry as a line of JSON, the oldest first."""
    with opened_store() as store:
        clinic_id = store.clinic_named(clinic).id if clinic is not None else None
        for record in store.audit_entries(clinic_id):
            output.write(json.dumps(document(record)) + "\n")


def document(record: AuditRecord) -> dict[str, object]:
    """An entry as JSON."""
    event = record.event
    return {
        "id": record.id,
        "at": record.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "clinic_id": event.clinic_id,
        "who_kind": event.who_kind,
        "who_id": event.who_id,
        "who": event.who,
        "action": event.action.value,
        "job_id": event.job_id,
        "image_ids": list(event.image_ids),
        "address": event.address,
        "detail": dict(event.detail),
        "hash": record.hash,
    }


def _parsed(expect: str | None) -> tuple[int, str] | None:
    if expect is None:
        return None
    number, _, hash_ = expect.strip().partition(":")
    if not number.isdecimal() or len(hash_) != 64:
        raise click.UsageError("--expect takes ID:HASH, as `cxr audit verify` prints it.")
    return int(number), hash_


def _has(store, entry_id: int, hash_: str) -> bool:
    return any(record.id == entry_id and record.hash == hash_ for record in store.audit_entries())

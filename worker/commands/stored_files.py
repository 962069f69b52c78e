"""The commands of stored files and their encryption: `cxr files`."""

import json
import sys
from collections.abc import Sequence

import click

from worker.audit import Action
from worker.commands.shared import command_event, known_settings, opened_store
from worker.errors import SettingsError
from worker.files.encrypting import KeyUse, encrypt_stored, key_uses
from worker.files.image_files import ImageFiles
from worker.files.sealing import FileKeys
from worker.files.unfinished import UnfinishedUploads
from worker.settings import MEGABYTE

NOT_ENCRYPTED = "none"


@click.group()
def files() -> None:
    """X-rays and pictures on the disk: which key they are encrypted with, and another one."""


@files.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def keys(as_json: bool) -> None:
    """Say how many files are encrypted with which key.

    A key's name reveals nothing about it. A program that does not start because a key is missing
    names it. STATE is `newest` for the key of new files, `former` for the others of CXR_FILES_KEY,
    and `missing` for keys that it does not hold.
    """
    settings = known_settings()
    with opened_store(settings) as store:
        # Not `of`, which needs every key.
        stored = ImageFiles(settings.images_dir, keys=FileKeys(settings.file_keys))
        uses = key_uses(store, stored, UnfinishedUploads.of(stored, settings))
    states = _states(uses, stored.key_ids)
    if as_json:
        click.echo(json.dumps([_as_json(use, state) for use, state in states]))
        return
    click.echo(f"{'KEY':<16} {'STATE':<13} {'FILES':>9} {'MB':>9}")
    for use, state in states:
        size = f"{use.size_bytes / MEGABYTE:.1f}"
        click.echo(f"{use.id or NOT_ENCRYPTED:<16} {state:<13} {use.files:>9} {size:>9}")


@files.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def encrypt(as_json: bool) -> None:
    """Encrypt what is stored already with the first key of CXR_FILES_KEY.

    That is what was stored before there was a key, and what is under a former one. Restart all
    parts with the new setting first; then they may go on meanwhile. A run that was stopped goes
    on where it was. Once nothing is left of a former key, CXR_FILES_KEY need not hold it any more.

    Exit code 1 when files are left that are not encrypted with the first key.
    """
    settings = known_settings()
    with opened_store(settings) as store:
        if not settings.file_keys:
            raise SettingsError(
                "CXR_FILES_KEY is not set: there is no key to encrypt with. Set it to what "
                "`openssl rand -hex 32` prints, and keep a copy of it."
            )
        stored = ImageFiles.of(settings)
        unfinished = UnfinishedUploads.of(stored, settings)
        images = store.count_stored_keys()
        with click.progressbar(length=images, label="Images", file=sys.stderr) as progress:
            done = encrypt_stored(store, stored, unfinished, lambda: progress.update(1))
        detail = {"what": "files_encrypted", "files": done.files, "key": stored.key_ids[0]}
        store.audit([command_event(Action.SETTINGS_CHANGED, **detail)])
    states = _states(done.left, stored.key_ids)
    if as_json:
        found = {
            "encrypted": done.files,
            "left": [_as_json(use, state) for use, state in states],
            "forgotten": list(done.forgotten),
        }
        click.echo(json.dumps(found))
    else:
        click.echo(f"{done.files} files were encrypted with the key {stored.key_ids[0]}.")
        for name in done.forgotten:
            click.echo(f"Nothing needs the key {name} any more: CXR_FILES_KEY need not hold it.")
    if done.left:
        for use, state in states:
            whose = f"with the {state} key {use.id}" if use.id else "with no key"
            click.echo(f"Left: {use.files} files, encrypted {whose}.", err=True)
        click.echo(
            "Restart all parts with this CXR_FILES_KEY, if you have not yet, and run the command "
            "again. Uploads that are on their way end, or expire, within CXR_OPEN_JOB_S.",
            err=True,
        )
        sys.exit(1)


def _states(uses: Sequence[KeyUse], known: Sequence[str]) -> list[tuple[KeyUse, str]]:
    def state(id_: str | None) -> str:
        if id_ is None:
            return "not encrypted"
        if id_ not in known:
            return "missing"
        return "newest" if id_ == known[0] else "former"

    return [(use, state(use.id)) for use in uses]


def _as_json(use: KeyUse, state: str) -> dict[str, object]:
    return {"key": use.id, "state": state, "files": use.files, "size_bytes": use.size_bytes}

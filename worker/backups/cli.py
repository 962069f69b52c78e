"""The commands `cxr backup` and `cxr restore`."""

from pathlib import Path

import click

from worker.audit import Action
from worker.commands.shared import command_event, opened_store
from worker.errors import FileLocked, worker_errors
from worker.logs import log_to_stderr
from worker.settings import Settings

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Folder of all data. Default: CXR_HOME or ~/.local/share/cxr-batch.",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@HOME
def backup(file: Path, home: Path | None) -> None:
    """Write everything in the data folder to FILE, also while the system runs.

    FILE holds X-rays, the access token and the secret key: keep it as safe as the data folder.
    """
    from worker.backups.making import check_target, database_file, make_backup

    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env(home=home)
        database_file(settings)
        check_target(file.absolute())
        with opened_store(settings) as store:
            store.audit([command_event(Action.BACKED_UP)])
        made = make_backup(settings, file.absolute())
    click.echo(f"{made.files} images, {made.size_bytes / 1e6:.0f} MB, in {file}.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@HOME
def restore(file: Path, home: Path | None) -> None:
    """Fill an empty data folder from the backup FILE, once its checksums are right.

    The tables are brought to this version. Start the system with `cxr up` afterwards.
    """
    from worker.backups.restoring import restore_backup
    from worker.files.image_files import ImageFiles
    from worker.store import Store
    from worker.store.migrations import migrate

    log_to_stderr()
    with worker_errors():
        settings = Settings.from_env(home=home)
        files = restore_backup(file.absolute(), settings.home)
        store = Store(f"sqlite:///{settings.home / 'cxr.db'}")
        migrate(store.database)
        store.audit([command_event(Action.RESTORED)])
        store.close()
    click.echo(f"{files} files restored to {settings.home}. Start the system with `cxr up`.")
    try:
        ImageFiles.of(settings)
    except FileLocked as missing:
        click.echo(f"Before that: {missing}", err=True)

"""The front door: `cxr COMMAND`, each command loaded from its own package when it is asked for."""

import errno
import importlib
import sys
from typing import Any

import click

COMMANDS = {
    "up": "web.local.cli:up",
    "web": "web.local.cli:web",
    "worker": "worker.cli:worker",
    "sweep": "worker.cli:sweep",
    "migrate": "worker.cli:migrate",
    "token": "worker.commands.admin:token",
    "invite": "web.local.cli:invite",
    "sign-in": "web.local.cli:sign_in",
    "health": "worker.cli:health",
    "classify": "model.classify.cli:classify",
    "submit": "web.client.cli:submit",
    "status": "web.client.cli:status",
    "results": "web.client.cli:results",
    "cancel": "web.client.control:cancel",
    "resume": "web.client.control:resume",
    "retry": "web.client.control:retry",
    "delete": "web.client.control:delete",
    "reviews": "web.client.reviews:reviews",
    "demo": "web.local.demo:demo",
    "train": "training.commands.making:train",
    "evaluate": "training.commands.measuring:evaluate",
    "calibrate": "training.commands.calibrating:calibrate",
    "export": "training.commands.making:export",
    "audit": "worker.commands.auditing:audit",
    "patient-data": "worker.commands.data_profile:patient_data",
    "second-factor": "worker.commands.second_factor:second_factor",
    "retention": "worker.commands.keeping:retention",
    "files": "worker.commands.stored_files:files",
    "backup": "worker.backups.cli:backup",
    "restore": "worker.backups.cli:restore",
}


# What the machine says no to, which is no fault of a command's.
OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    *(errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG),
}


EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """Imports a command's module only when that command runs, so that `cxr` answers at once."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        return getattr(importlib.import_module(module), attribute)

    def invoke(self, context: click.Context) -> Any:
        """What the machine refuses, or what is no text, is one sentence."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            # As shells have it. Click would say 1, which is that something failed.
            click.echo("Stopped.", err=True)
            sys.exit(EXIT_INTERRUPTED)
        except OSError as error:
            if error.errno not in OF_THE_MACHINE:
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror}.") from error
        except UnicodeEncodeError as error:
            # Only files may have such a name, and those are never written out as text.
            if not any(map(_is_no_text, error.object[error.start : error.end])):
                raise
            raise click.UsageError("A text that was given is not UTF-8.") from error


def _is_no_text(character: str) -> bool:
    """What Python makes of a byte of an argument that is not UTF-8."""
    return "\udc80" <= character <= "\udcff"


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cxr-batch")
def main() -> None:
    """Classify chest X-rays in bulk: COVID19, NORMAL or PNEUMONIA.

    Research and triage support, not a diagnosis.
    """


if __name__ == "__main__":
    main()

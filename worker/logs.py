"""Where the processes of this system write their logs."""

import logging


def log_to_stderr() -> None:
    """Warnings and errors go to stderr, with time and module; never a patient's data."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING
    )

"""Messages for a command that is interrupted while it sends or waits."""

import contextlib
import sys
from collections.abc import Callable, Iterator

import click

from web.client.errors import ClientError, Unreachable
from web.client.http import Client, Json
from web.client.shared import EXIT_INTERRUPTED


class Sent:
    """How many bytes of an upload have left so far; tells `show` too."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._so_far = 0
        self.show: Callable[[int], None] = lambda _: None

    def __call__(self, so_far: int) -> None:
        self._so_far = so_far
        self.show(so_far)

    @property
    def is_all(self) -> bool:
        return self._so_far >= self._size_bytes


@contextlib.contextmanager
def says_what_became_of_it(client: Client, key: str, sent: Sent) -> Iterator[None]:
    """Say what happened to an upload that was interrupted or lost its connection."""
    try:
        yield
    except (Unreachable, KeyboardInterrupt) as error:
        click.echo(_what_became_of_it(client, key, sent), err=True)
        if isinstance(error, Unreachable):
            raise
        sys.exit(EXIT_INTERRUPTED)


def _what_became_of_it(client: Client, key: str, sent: Sent) -> str:
    again = f"run the same command again with `--key {key}`"
    try:
        job = client.job_of_key(key)
    except ClientError:
        return f"Whether the upload arrived is not known. To find out and continue, {again}."
    if job is not None:
        return _continues(job)
    if sent.is_all:
        return f"The server has all files and may still accept them. To find out, {again}."
    return f"The upload was interrupted, and no job was created. To submit, {again}."


@contextlib.contextmanager
def goes_on(job: Json) -> Iterator[None]:
    """Say that the job continues when waiting for it was interrupted."""
    try:
        yield
    except ClientError:
        click.echo(_continues(job), err=True)
        raise
    except KeyboardInterrupt:
        click.echo(_continues(job), err=True)
        sys.exit(EXIT_INTERRUPTED)


def _continues(job: Json) -> str:
    number = job["id"]
    return (
        f"Job {number} was accepted and continues: `cxr status {number} --watch` follows it, "
        f"`cxr cancel {number}` stops it."
    )

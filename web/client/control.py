"""`cxr cancel`, `cxr resume`, `cxr retry`, `cxr delete`: what can be done with a job.

Exit codes as in `web.client.cli`.
"""

from collections.abc import Callable

import click

from web.client.http import Client, Json
from web.client.shared import client_errors, document, link, server_options, token_for


def _job_command(verb: Callable[[Client, int], Json]) -> click.Command:
    """The command that does `verb` with a job and shows the job after it."""

    @click.command(verb.__name__, help=verb.__doc__)
    @click.argument("job", type=click.IntRange(min=1))
    @click.option("--json", "as_json", is_flag=True, help="Print the job as one JSON document.")
    @server_options
    def command(job: int, as_json: bool, url: str, token: str | None) -> None:
        from web.client.view import status_lines

        with client_errors(), Client(url, token_for(url, token)) as client:
            after = verb(client, job)
            if as_json:
                click.echo(document(client, after))
            else:
                click.echo(f"{status_lines(after)}\n{link(client, after)}")

    return command


@_job_command
def cancel(client: Client, job: int) -> Json:
    """Stop what has not begun of the job with the number JOB."""
    return client.cancel(job)


@_job_command
def resume(client: Client, job: int) -> Json:
    """Resume the cancelled images of the job with the number JOB."""
    return client.resume(job)


@_job_command
def retry(client: Client, job: int) -> Json:
    """Try the failed images of the job with the number JOB again; results stand."""
    return client.retry(job)


@click.command()
@click.argument("job", type=click.IntRange(min=1))
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@server_options
def delete(job: int, yes: bool, url: str, token: str | None) -> None:
    """Delete the job with the number JOB, with its images, results and files."""
    with client_errors(), Client(url, token_for(url, token)) as client:
        if not yes:
            click.confirm(_question(client.job(job)), abort=True, err=True)
        client.delete(job)
        click.echo(f"Job {job} is deleted.")


def _question(job: Json) -> str:
    total = job["counts"]["total"]
    images = "its image" if total == 1 else f"its {total} images"
    return f"Delete job {job['id']}, {job['name']}, with {images}? This cannot be undone."

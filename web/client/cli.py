"""`cxr submit`, `cxr status`, `cxr results`: the REST API from a terminal or a script.

Exit codes: 0 all well; 1 some images failed, or the server refused; 2 wrong use; 3 no connection;
130 interrupted with Ctrl-C.
"""

import sys
from pathlib import Path

import click

from web.client.http import Client, Json
from web.client.interrupted import Sent, goes_on, says_what_became_of_it
from web.client.shared import (
    EXIT_FAILED,
    client_errors,
    document,
    link,
    server_options,
    token_for,
)


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH…"
)
@click.option("--name", default="", help="The job's name. Default: after its first file.")
@click.option(
    "--urgent", is_flag=True, help="Process it before your clinic's jobs that are not urgent."
)
@click.option(
    "--key", help="Continue the upload that was interrupted with this key; sends nothing twice."
)
@click.option("--wait", is_flag=True, help="Wait until every image has its result.")
@click.option("--json", "as_json", is_flag=True, help="Print the job as one JSON document.")
@server_options
def submit(
    paths: tuple[Path, ...],
    name: str,
    urgent: bool,
    key: str | None,
    wait: bool,
    as_json: bool,
    url: str,
    token: str | None,
) -> None:
    """Upload files, folders and zip archives as one job.

    With --wait, exits with 1 when an image failed or was cancelled; refused images are results.
    """
    from web.client.files import collect
    from web.client.http import new_key
    from web.client.view import follow, status_lines, upload_bar

    with client_errors(), Client(url, token_for(url, token)) as client:
        files = collect(paths)
        if not files:
            raise click.UsageError(f"There are no files in {', '.join(map(str, paths))}.")
        client.check()  # a wrong token is better known before a long upload
        this = key or new_key()
        size_bytes = sum(file.size_bytes for file in files)
        sent = Sent(size_bytes)
        with says_what_became_of_it(client, this, sent), upload_bar(size_bytes) as show:
            sent.show = show
            job = client.submit(files, name, urgent, sent, this, again=bool(key))
        if not as_json:
            click.echo(f"Job {job['id']}: {link(client, job)}")
        if wait:
            with goes_on(job):
                job = follow(client, job["id"])
        if as_json:
            click.echo(document(client, job))
        elif wait:
            click.echo(status_lines(job))
        sys.exit(exit_code(job) if wait else 0)


@click.command()
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--watch", is_flag=True, help="Wait until every image has its result.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one line per job.")
@server_options
def status(job: int | None, watch: bool, as_json: bool, url: str, token: str | None) -> None:
    """Show how far the job with the number JOB is; without a number, list the newest jobs."""
    from web.client.view import console, follow, jobs_table, status_lines

    if job is None and watch:
        raise click.UsageError("--watch follows one job: name its number.")
    with client_errors(), Client(url, token_for(url, token)) as client:
        if job is None:
            jobs = client.jobs()
            if as_json:
                click.echo("".join(f"{document(client, found)}\n" for found in jobs), nl=False)
            elif jobs:
                console().print(jobs_table(jobs))
            else:
                click.echo("There are no jobs yet. `cxr submit` makes one.")
            return
        found = follow(client, job) if watch else client.job(job)
        if as_json:
            click.echo(document(client, found))
        else:
            click.echo(f"{status_lines(found)}\n{link(client, found)}")
        sys.exit(exit_code(found) if watch else 0)


@click.command()
@click.argument("job", type=click.IntRange(min=1))
@click.option("--csv", "kind", flag_value="csv", help="As CSV.")
@click.option("--json", "kind", flag_value="json", help="As JSON.")
@click.option(
    "--sort",
    help="file (as uploaded), suspicion, name, newest or probability:LABEL. Default: file.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file (`-`: standard output). Without --csv or --json its ending decides.",
)
@server_options
def results(
    job: int,
    kind: str | None,
    sort: str | None,
    output: Path | None,
    url: str,
    token: str | None,
) -> None:
    """Show the results of the job with the number JOB, as a table unless told otherwise."""
    from web.client.output import STANDARD_OUTPUT, write_whole
    from web.client.view import console, finished, results_table

    if output and not kind:
        kind = output.suffix.lower().lstrip(".")
        if kind not in ("csv", "json"):
            raise click.UsageError(f"Say --csv or --json: {output.name} ends in neither.")
    with client_errors(), Client(url, token_for(url, token)) as client:
        found = client.job(job)
        if found["status"] == "running":
            total = found["counts"]["total"]
            click.echo(f"The job still runs: {finished(found)} of {total} are finished.", err=True)
        if kind:
            write_whole(client.export(job, kind, sort), output or STANDARD_OUTPUT)
        else:
            console().print(results_table(client.images(job, sort)))


def exit_code(job: Json) -> int:
    """0 when every image of an ended job got a result, else 1."""
    return EXIT_FAILED if job["counts"]["failed"] or job["counts"]["cancelled"] else 0

"""Make the file names that senders give safe to show and to store."""

from worker.records.jobs import MAX_FILENAME, UNTITLED, named_after


def display_name(filename: str) -> str:
    """The user's name for a file, safe to show: a relative path of printable characters.

    It is never used as a path on the server.
    """
    steps = filename.replace("\\", "/").split("/")
    path = "/".join(step for step in steps if step.strip() not in ("", ".", ".."))
    return printable(path) or "unnamed"


def printable(text: str) -> str:
    """`text` without what would break a line, turn it around, or stay out of a database."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def shortened(name: str) -> str:
    """A display name, or as much of it as is kept; an ellipsis says that it went on."""
    return name if len(name) <= MAX_FILENAME else f"{name[: MAX_FILENAME - 1]}\u2026"


def job_name(given: str, first_filename: str | None, count: int, folder: str | None = None) -> str:
    """The given name, else one after the folder of all `count` files, or after the first."""
    given = printable(given.strip())
    if given or first_filename is None:
        return (given or UNTITLED)[:200]
    return named_after(first_filename, count, folder)

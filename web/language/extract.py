"""Brings the catalogues up to date with the words in the code.

python -m web.language.extract

New messages come in without a translation, those that are no longer used go out. A test fails until
every message is translated.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from web.language.catalogues import FOLDER, NAMES, SOURCE

ROOT = FOLDER.parents[1]
KEYWORDS = {
    **{"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "t": None, "tn": (1, 2)},
    **dict.fromkeys(("NP_", "pgettext", "tp"), ((1, "c"), 2)),
    "tnp": ((1, "c"), 2, 3),
}
# Folder, pattern, and how Babel reads such files.
SOURCES = (
    ("web", "*.py", "python", {}),
    ("web/pages/templates", "*.html", "jinja2", {"trimmed": "true", "newstyle_gettext": "true"}),
    ("web/pages/static", "*.js", "javascript", {"template_string": "false"}),
)


def messages() -> Catalog:
    """Every message of the code, with the files that it is in."""
    found = Catalog(project="cxr-batch", fuzzy=False)
    for file, method, options in _files():
        content = io.BytesIO(file.read_bytes())
        place = (file.relative_to(ROOT).as_posix(), 0)
        for _line, message, _comments, context in extract(method, content, KEYWORDS, (), options):
            found.add(message, locations=[place], context=context)
    return found


def updated(language: str) -> bytes:
    """The catalogue of `language` with the messages of the code."""
    file = _file(language)
    known = read_po(file.open("rb"), locale=language) if file.exists() else Catalog(language)
    written_at = known.creation_date
    known.update(messages(), no_fuzzy_matching=True)
    known.creation_date = written_at  # a new one each time would be a change each time
    known.obsolete.clear()
    written = io.BytesIO()
    write_po(written, known, width=100, omit_header=False, sort_by_file=True, include_lineno=False)
    return written.getvalue()


def _file(language: str) -> Path:
    return FOLDER / f"{language}.po"


def _files() -> Iterator[tuple[Path, str, dict[str, str]]]:
    for folder, pattern, method, options in SOURCES:
        for file in sorted((ROOT / folder).rglob(pattern)):
            yield file, method, options


def main() -> None:
    for language in NAMES:
        if language != SOURCE:
            _file(language).write_bytes(updated(language))
            sys.stdout.write(f"{_file(language)}\n")


if __name__ == "__main__":
    main()

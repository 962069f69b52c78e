"""The catalogues: `<language>.po` beside this module, read when a language is first asked for.

Nothing is compiled into files that could go stale. English is in the code and has no catalogue.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

FOLDER = Path(__file__).parent
SOURCE = "en"
# Each by its own name, as those who read it look for it.
NAMES = {SOURCE: "English", "es": "Español"}


CONTEXT_END = "\x04"  # as in compiled catalogues of gettext
# Where words stand that our JavaScript shows: its own, and those that come to it from the server.
IN_SCRIPTS = (".js", "web/language/words.py")


@dataclass(frozen=True)
class Catalogue:
    """translations: for Python and the templates. scripts: messages that our JavaScript may need,
    by their English text, after their context and CONTEXT_END where they have one; of a plural the
    list of its forms. version: of the file."""

    translations: NullTranslations
    scripts: Mapping[str, str | list[str]]
    version: str = ""


@cache
def catalogue(language: str) -> Catalogue:
    """language: one of NAMES."""
    if language == SOURCE:
        return Catalogue(NullTranslations(), {})
    content = (FOLDER / f"{language}.po").read_bytes()
    found = read_po(io.BytesIO(content), locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    scripts = {
        _key(message): message.string
        for message in found
        if any(place.endswith(IN_SCRIPTS) for place, _ in message.locations)
    }
    return Catalogue(Translations(compiled), scripts, hashlib.sha256(content).hexdigest()[:12])


def _key(message: Message) -> str:
    text = message.id if isinstance(message.id, str) else message.id[0]
    return f"{message.context}{CONTEXT_END}{text}" if message.context else text

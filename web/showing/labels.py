"""How labels and maps are written for people. The model says which there are."""

import re

from model.evidence import PREFIX
from web.language.asked import _

MAX_ACRONYM = 3


def label_name(label: str) -> str:
    """A label as words: COVID19 → "COVID-19", PLEURAL_EFFUSION → "Pleural effusion", TB → "TB".

    A label that is not all in capitals was written for people already, and stays.
    """
    if not label.isupper():
        return label.replace("_", " ")
    words = " ".join(_word(word) for word in label.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def map_name(name: str) -> str:
    """A map in the reader's language: attention → "Attention", evidence_COVID19 → "Evidence for
    COVID-19"."""
    if name.startswith(PREFIX):
        return _("Evidence for %(label)s", label=_(label_name(name.removeprefix(PREFIX))))
    words = name.replace("_", " ")
    return _(words[:1].upper() + words[1:])


def _word(word: str) -> str:
    if named := re.fullmatch(r"([A-Z]+)(\d+)", word):
        return f"{named[1]}-{named[2]}"
    return word.lower() if word.isalpha() and len(word) > MAX_ACRONYM else word

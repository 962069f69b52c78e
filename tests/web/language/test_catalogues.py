"""Every message of the code is translated, and its values and markup come through."""

import re

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from model import DISCLAIMER
from model.doubt import MEANINGS
from web.language.catalogues import CONTEXT_END, FOLDER, NAMES, SOURCE, catalogue
from web.language.extract import messages
from web.language.words import PROBLEMS
from web.problems import STATUS
from worker.access import SCOPE_MEANS, Role
from worker.audit import Action
from worker.patient_data import PROFILE_MEANS, Profile
from worker.records.images import ImageStatus
from worker.records.jobs import JobStatus

TRANSLATED = sorted(set(NAMES) - {SOURCE})


@pytest.fixture(scope="module")
def in_code() -> Catalog:
    return messages()


def read(language: str) -> Catalog:
    return read_po((FOLDER / f"{language}.po").open("rb"), locale=language)


def forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def ids(found: Catalog) -> set[tuple[str | None, tuple[str, ...]]]:
    """With the context of each, or None."""
    return {(message.context, forms(message.id)) for message in found if message.id}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_the_messages_of_the_code_and_no_others(language, in_code):
    """Mended with `python -m web.language.extract`, and by translating what is new."""
    assert ids(read(language)) == ids(in_code)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language):
    known = read(language)
    assert [one.id for one in known if one.id and not all(forms(one.string))] == []
    wrong_forms = [
        one.id for one in known if one.pluralizable and len(one.string) != known.num_plurals
    ]
    assert wrong_forms == []
    assert not any(one.fuzzy for one in known if one.id)


@pytest.mark.parametrize("language", TRANSLATED)
def test_values_and_markup_come_through(language):
    def kept(text: str) -> list[str]:
        return sorted(re.findall(r"%\(\w+\)s|%%|</?[a-z][^>]*>|`[^`]*`", text))

    def is_same(message: Message) -> bool:
        # A form for one may leave the number out.
        pairs = zip(forms(message.id)[-1:], forms(message.string)[-1:], strict=True)
        return all(kept(source) == kept(target) for source, target in pairs)

    assert [one.id for one in read(language) if one.id and not is_same(one)] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_words_of_other_packages_are_translated_too(language):
    gettext = catalogue(language).translations.gettext
    known = {message for _, forms in ids(read(language)) for message in forms}
    in_context = {(context, forms[0]) for context, forms in ids(read(language))}
    words = [
        DISCLAIMER,
        *MEANINGS.values(),
        *SCOPE_MEANS.values(),
        *PROFILE_MEANS.values(),
        *Role,
        *(profile.capitalize() for profile in Profile),
        *(action.replace("_", " ").capitalize() for action in Action),
    ]
    assert [word for word in words if word not in known] == []
    states = [
        *(
            (context, status.capitalize())
            for context in ("image", "images")
            for status in ImageStatus
        ),
        *(("job", status.capitalize()) for status in JobStatus),
    ]
    assert [state for state in states if state not in in_context] == []
    assert gettext(DISCLAIMER) != DISCLAIMER


@pytest.mark.parametrize(
    ("context", "word", "said"),
    [("image", "Cancelled", "Cancelada"), ("images", "Cancelled", "Canceladas"),
     ("job", "Cancelled", "Cancelado"), ("job", "Open", "Abierto")],
)  # fmt: skip
def test_words_agree_with_what_they_are_said_of(context, word, said):
    """In Spanish an image is feminine, a job masculine; scripts know the same words."""
    spanish = catalogue("es")
    assert spanish.translations.pgettext(context, word) == said
    assert spanish.scripts[f"{context}{CONTEXT_END}{word}"] == said


def test_every_error_that_pages_can_show_has_words():
    codes = {code or getattr(kind, "code", "too_many_images") for kind, (_, code) in STATUS.items()}
    # Forms say what is wrong with them in the reader's language themselves; the reasons of the
    # decoder are those of an image.
    assert codes - PROBLEMS.keys() <= {"invalid_form", "rejected"}

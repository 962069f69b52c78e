"""No word of a page escapes translation; which language a browser gets, and keeps."""

import re
from pathlib import Path

import pytest
from sqlalchemy import update

import web.pages
from model.artifact import load_artifact
from tests.support.access import sign_in
from tests.support.pseudo import BEGIN, pseudo_catalogue, untranslated
from tests.support.results import MODEL, done, failed, rejected, work
from tests.support.rows import create_job, worker_record
from web.auth.sessions import COOKIE as SESSION
from web.language import asked
from web.pages.people.account import JUST_SIGNED_IN
from worker.access import PrincipalKind, Role, Scope
from worker.records.jobs import NewImage
from worker.store import DEFAULT_CLINIC
from worker.store.accounts.tables import Session
from worker.store.rows import now

SPANISH = {"Accept-Language": "es-MX,es;q=0.9,en;q=0.5"}
PAGES = (
    *("/", "/images", "/jobs/1", "/jobs/2", "/images/1", "/images/2", "/images/3", "/images/4"),
    *("/model", "/help", "/api/v1/docs", "/account", "/access", "/settings", "/audit"),
    *("/jobs/99", "/images?label=%00&limit=0", "/nowhere"),
)
# What stands on pages in every language: the product, the clinic's own data, formats and units.
CARD = load_artifact(None)
DATA = (
    *("cxr-batch", DEFAULT_CLINIC, "first token", "Ada", "Ben", "Monday", ".png", MODEL, "UTC"),
    *("COVID-19", "a-host", "CPU", "test-1", "sqlite", "kB", "MB", "GB", "mm", "ms", "Python"),
    *("Español", "English", "frontal-1", "PS3.15"),
    *(CARD.version, CARD.architecture.replace("_", " "), *CARD.metadata["metrics"]["sources"]),
    *(scope.value for scope in Scope),  # as tokens and the API have them
)


@pytest.fixture
def marked(monkeypatch):
    """Spanish is the language that marks what was translated."""
    for module in (asked, web.pages.frame.language):
        monkeypatch.setattr(module, "catalogue", pseudo_catalogue)


@pytest.fixture
def person(app, store):
    """A browser of an admin, reader, uploader and operator, with a job in every state."""
    link = store.link(store.invite(DEFAULT_CLINIC, [Role.ADMIN, Role.READER, Role.UPLOADER]))
    ada = store.accept_invitation(link.id, "Ada", "no password")
    link = store.link(store.invite(DEFAULT_CLINIC, [Role.READER]))
    store.accept_invitation(link.id, "Ben", "no password")
    clinic = ada.clinic
    refused = NewImage("c.png", None, 90, "encrypted", "It is locked.")
    images = [NewImage("a.png", "00/1", 1000), NewImage("b.png", "00/2", 1000), refused]
    create_job(store, clinic.id, "Monday", [*images, NewImage("d.png", "00/4", 1)], urgent=True)
    work(store, 1, done)
    work(store, 1, rejected)
    work(store, 1, failed)
    create_job(store, clinic.id, "Monday", [NewImage("e.png", "00/5", 1000)])
    browser = app.test_client()
    browser.set_cookie(SESSION, store.open_session(PrincipalKind.PERSON, ada.id, "", ""))
    return browser


def test_no_word_of_a_page_escapes_translation(marked, person):
    for path in PAGES:
        answer = person.get(path, headers=SPANISH)
        assert answer.status_code in (200, 404, 422), (path, answer.text)
        assert BEGIN in answer.text, path
        assert untranslated(answer.text, DATA) == [], path


def test_nor_of_the_set_up_of_a_second_factor_that_is_required(marked, store, person):
    store.require_second_factor(1, True)
    page = person.get("/", headers=SPANISH, follow_redirects=True)
    secret = re.search(r'class="secret"><code>(\w+)<', page.text)[1]
    assert untranslated(page.text, [*DATA, secret]) == []
    with store.database.writing() as session:
        session.execute(update(Session).values(created_at=now() - JUST_SIGNED_IN))
    page = person.get("/", headers=SPANISH, follow_redirects=True)
    assert 'name="password"' in page.text
    assert untranslated(page.text, DATA) == []


def test_nor_of_the_pages_for_operators(marked, app, store, person):
    link = store.link(store.invite(None, [Role.OPERATOR]))
    operator = store.accept_invitation(link.id, "Eve", "no password")
    store.register_worker(worker_record("w"))
    browser = app.test_client()
    browser.set_cookie(SESSION, store.open_session(PrincipalKind.PERSON, operator.id, "", ""))
    for path in ("/operations", "/operations/audit"):
        page = browser.get(path, headers=SPANISH)
        assert page.status_code == 200
        assert untranslated(page.text, [*DATA, "Eve"]) == [], path


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/link"])
def test_nor_of_a_page_for_strangers(marked, visitor, path):
    assert untranslated(visitor.get(path, headers=SPANISH).text, DATA) == []


def test_the_walk_finds_what_is_not_translated():
    page = '<p title="A hint">⟦Some⟧ words <code>code</code> ⟦of <b>it</b>⟧ 12 kB a.png</p>'
    assert untranslated(page, ["kB", ".png"]) == ["A hint", "words"]


def test_no_text_of_our_scripts_is_left_outside_of_the_catalogue():
    """Sentences in JavaScript: in a call of `t` or `tn`, or never shown."""
    static = Path(web.pages.__file__).parent / "static"
    sentence = re.compile(r"""["`][A-Z][a-z]+ [^"`]*["`]|(?:textContent|aria\w+) = ["`][A-Za-z]""")
    found = []
    for file in sorted(static.rglob("*.js")):
        code = re.sub(r"^\s*(//|/?\*).*$", "", file.read_text(), flags=re.MULTILINE)
        code = re.sub(r"\btn?p?\(\s*(\"[^\"]*\"\s*,?\s*)+", "", code)
        lines = [line.strip() for line in code.splitlines() if sentence.search(line)]
        # Errors for those who read the console.
        found += [f"{file.name}: {line}" for line in lines if "new Error(" not in line]
    assert found == []


def test_the_first_language_that_we_have_counts(reader):
    assert '<html lang="es-MX" ' in reader.get("/help", headers=SPANISH).text
    assert "Ayuda" in reader.get("/help", headers=SPANISH).text
    for others in ("de-DE,de;q=0.9", "en-GB,es;q=0.5", "*", "not a language!"):
        assert "<h1>Help</h1>" in reader.get("/help", headers={"Accept-Language": others}).text
    assert '<html lang="en-GB">' in reader.get("/help", headers={"Accept-Language": "en-GB"}).text


def test_a_choice_is_kept_in_the_browser(visitor):
    """Before anybody has signed in, too."""
    page = visitor.get("/sign-in")
    assert 'value="es" lang="es">Español</button>' in page.text
    chosen = {"language": "es", "next": "/sign-in?next=/jobs/7"}
    answer = visitor.post("/language", data=chosen, headers={"Origin": "http://localhost"})
    assert answer.location == "/sign-in?next=/jobs/7"
    assert "Iniciar sesión" in visitor.get("/sign-in", headers={"Accept-Language": "en"}).text
    sign_in(visitor)
    assert "Lista de trabajo" in visitor.get("/").text
    visitor.post(
        "/language", data=chosen | {"language": "en"}, headers={"Origin": "http://localhost"}
    )
    assert "Worklist" in visitor.get("/", headers=SPANISH).text


def test_a_choice_is_kept_with_the_person(app, person, store, reader):
    """In all of their browsers, and in nobody else's."""
    chosen = {"language": "es", "next": "/"}
    person.post("/language", data=chosen, headers={"Origin": "http://localhost"})
    assert person.get_cookie(asked.COOKIE) is None
    other = app.test_client()
    ada = next(one for one in store.people(1) if one.name == "Ada")
    other.set_cookie(SESSION, store.open_session(PrincipalKind.PERSON, ada.id, "", ""))
    assert "Lista de trabajo" in other.get("/", headers={"Accept-Language": "en"}).text
    assert "Lista de trabajo" in person.get("/").text
    person.delete_cookie(SESSION)
    assert "Sign in" in person.get("/sign-in").text
    assert "Worklist" in reader.get("/").text


@pytest.mark.parametrize("language", ["xx", "", "../es"])
def test_an_unknown_choice_changes_nothing(visitor, language):
    form = {"language": language, "next": "//elsewhere.example"}
    answer = visitor.post("/language", data=form, headers={"Origin": "http://localhost"})
    assert answer.location == "/"
    assert "cxr_language" not in answer.headers.get("Set-Cookie", "")


def test_another_site_chooses_no_language(visitor):
    answer = visitor.post("/language", data={"language": "es"}, headers={"Origin": "http://evil"})
    assert answer.status_code == 403


def test_the_words_of_the_scripts_are_kept_by_the_browser(reader):
    (address,) = re.findall(r'data-words="([^"]+)"', reader.get("/", headers=SPANISH).text)
    answer = reader.get(address)
    assert answer.json["messages"]["Not saved yet."] == "Sin guardar."
    assert answer.json["messages"]["Pneumonia"] == "Neumonía"
    assert answer.json["problems"]["storage_unavailable"].startswith("El disco")
    assert answer.json["reasons"]["encrypted"].startswith("El archivo zip")
    assert "immutable" in answer.headers["Cache-Control"]
    assert "data-words" not in reader.get("/").text
    old = reader.get(re.sub(r"-\w+\.json", "-old.json", address))
    assert "immutable" not in old.headers["Cache-Control"]
    assert reader.get("/language/xx-1.json").status_code == 404


def test_numbers_and_dates_are_those_of_the_region(person, store):
    assert "81.9 %" in person.get("/images/1", headers={"Accept-Language": "en"}).text
    assert "81,9 %" in person.get("/images/1", headers={"Accept-Language": "es-ES"}).text
    assert "81.9 %" in person.get("/images/1", headers={"Accept-Language": "es-MX"}).text


def test_an_image_says_why_it_was_refused(person):
    assert "It is locked." in person.get("/images/3").text
    page = person.get("/images/3", headers=SPANISH).text
    assert "El archivo zip tiene contraseña. Súbalo sin ella." in page
    assert "It is locked." not in page


def test_errors_on_pages_are_in_the_language_of_the_reader(person):
    page = person.get("/jobs/99", headers=SPANISH).text
    assert "No encontrado" in page
    assert "No existe o se eliminó." in page
    form = {"profile": "nonsense"}
    origin = {"Origin": "http://localhost"}
    answer = person.post("/settings/patient-data", data=form, headers=SPANISH | origin)
    assert "debe ser uno de: clinical" in answer.text


def test_the_api_stays_english(client):
    answer = client.get("/api/v1/jobs/99", headers=SPANISH)
    assert answer.json["title"] == "Not Found"
    assert answer.json["detail"].isascii()
    assert answer.headers.get("Content-Language") is None

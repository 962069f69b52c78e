"""Search of a whole clinic by part of a file's name, a patient or an accession number.

Three characters or more are looked up in an index of trigrams (migration 0031): in a hundredth of
the time that it takes to read all names. Of the images that have them all, the names are read.

Shorter parts, and in PostgreSQL letters that are not ASCII, are in most names or looked for seldom:
all names of the clinic are read then. An index has them close together, in a tenth of the time that
their rows take, and in a hundredth of what these take in an order other than their own. What is
rare is found there first; what is common is soon met in the order of any list.
"""

from dataclasses import replace

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    tablesample,
    text,
    union,
)
from sqlalchemy.orm import Session, aliased

from worker.records.images import ImageFilter
from worker.store.schema import Image

MAX_FOUND = 10_000  # images: so many are sorted in 0.1 s; the uploads of a folder, say
NO_IMAGE = 0  # the number of none
# PostgreSQL reads all numbers of each trigram before the first row. Of a sample of the rows (in
# percent, so a thousand of a million) this share, or more, makes a part common.
SAMPLE_PERCENT, COMMON_SHARE, MIN_SAMPLE = 0.1, 0.05, 100
MAX_WORDS = 4  # that SQLite's index is asked for
# In it, a word of three characters of Unicode's private use tells the clinic.
CLINIC_MARK, CLINIC_DIGIT, CLINIC_BASE = 0xF000, 0xE000, 4096

_INDEXED = table("image_names", column("rowid", BigInteger))
_NAMES = table(
    "image_names", column("id", BigInteger), column("clinic_id", Integer), column("filename", Text)
)
_IS_INDEXED = text("SELECT 1 FROM sqlite_master WHERE name = 'image_names'")


def searched(session: Session, clinic_id: int, wanted: ImageFilter) -> ImageFilter:
    """The same filter, with the images that a search finds in its place, where they are few."""
    if not wanted.search or wanted.jobs or wanted.images:
        return wanted
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    by_name = _by_name_in_sqlite if is_sqlite else _by_name_in_postgresql
    of_clinic = select(Image.id).where(Image.clinic_id == clinic_id)
    each = [
        select(way.limit(MAX_FOUND).subquery())
        for way in (
            by_name(session, clinic_id, wanted.search),
            of_clinic.where(Image.patient == wanted.search),
            of_clinic.where(Image.accession == wanted.search),
        )
    ]
    found = session.scalars(union(*each).limit(MAX_FOUND)).all()
    if len(found) == MAX_FOUND:
        return wanted
    return replace(wanted, search=None, images=tuple(found) or (NO_IMAGE,))


def trigrams(part: str) -> list[str]:
    """Every three characters in a row, each once; none of a shorter part."""
    return list(dict.fromkeys(part[at : at + 3] for at in range(len(part) - 2)))


def _by_name_in_sqlite(session: Session, clinic_id: int, part: str) -> Select:
    # LIKE of SQLite ignores case by itself, as its lower() does: of the letters A to Z.
    has_part = Image.filename.contains(part, autoescape=True)
    words = trigrams(part)
    # A query of the index ends at a null character.
    if not words or "\0" in part or session.scalar(_IS_INDEXED) is None:
        return select(Image.id).where(Image.clinic_id == clinic_id, has_part)
    # The index walks the rows of each, and a few that tell names apart do: digits, above all.
    words = sorted(words, key=lambda word: -sum(map(str.isdigit, word)))[:MAX_WORDS]
    high, low = divmod(clinic_id, CLINIC_BASE)
    words.append("".join(map(chr, (CLINIC_MARK, CLINIC_DIGIT + high, CLINIC_DIGIT + low))))
    quoted = ['"' + word.replace('"', '""') + '"' for word in words]
    has_words = literal_column("image_names").op("MATCH")(bindparam(None, " AND ".join(quoted)))
    return (
        select(_INDEXED.c.rowid)
        .join(Image, Image.id == _INDEXED.c.rowid)
        .where(has_words, has_part)
    )


def _by_name_in_postgresql(session: Session, clinic_id: int, part: str) -> Select:
    is_ascii = part.isascii()
    # ILIKE would lower `part` for each row; lower() is quicker without a language's rules, which
    # letters of ASCII do not need.
    part = part.lower()

    def has_part(name: ColumnElement[str]) -> ColumnElement[bool]:
        return func.lower(name.collate("C") if is_ascii else name).contains(part, autoescape=True)

    words = [f"{clinic_id}:{word}" for word in trigrams(part)]
    of_clinic = select(Image.id).where(Image.clinic_id == clinic_id)
    if not words or not is_ascii:
        return of_clinic.where(has_part(Image.filename))
    some = aliased(Image, tablesample(Image.__table__, func.system(SAMPLE_PERCENT)))
    matching = func.count().filter(has_part(some.filename))
    sampled = select(func.count(), matching).where(some.clinic_id == clinic_id)
    size, hits = session.execute(sampled).one()
    if size >= MIN_SAMPLE and hits >= COMMON_SHARE * size:
        return of_clinic.where(has_part(Image.filename))
    indexed = func.image_name_trigrams(_NAMES.c.clinic_id, _NAMES.c.filename)
    has_words = indexed.op("@>")(bindparam(None, words, ARRAY(Text)))
    return select(_NAMES.c.id).where(has_words, has_part(_NAMES.c.filename))

"""Patient data of clinics: profiles, keys of pseudonyms, and original file names."""

import secrets
from collections.abc import Collection, Iterator

from sqlalchemy import ForeignKey, LargeBinary, String, false, select
from sqlalchemy.orm import Mapped, mapped_column

from worker.patient_data import DataKey, PatientDataRule, Profile
from worker.store.database import Database
from worker.store.rows import job_row
from worker.store.schema import Base, BigKey, Clinic, Image, by_value

KEY_BYTES = 32
CHUNK = 1000


class PatientData(Base):
    """The profile of a clinic; one without a row keeps everything (`clinical`)."""

    __tablename__ = "patient_data"

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    profile: Mapped[Profile] = mapped_column(by_value(Profile))
    hides_text: Mapped[bool] = mapped_column(server_default=false())


CHANGES_FILES = PatientData.profile.in_([each for each in Profile if each.changes_files])


class ClinicKey(Base):
    """The secret that a clinic's pseudonyms are made with. It never changes: another one would give
    the same patient another pseudonym."""

    __tablename__ = "clinic_keys"

    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(KEY_BYTES))


class OriginalName(Base):
    """What the sender called the file of an image whose `filename` is a neutral one."""

    __tablename__ = "original_names"

    image_id: Mapped[int] = mapped_column(BigKey, ForeignKey("images.id"), primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    name: Mapped[str] = mapped_column(String(1000))


class PatientDataVerbs:
    database: Database

    def set_profile(
        self, clinic_id: int, profile: Profile, hide_text: bool = False
    ) -> PatientDataRule:
        """For files that workers have not begun yet, and names of uploads from now on.

        hide_text: as `chosen` of `Profile.hides_text`. Returns: what is kept now.
        """
        rule = PatientDataRule(profile, profile.hides_text(hide_text))
        key = self.database.insert_new(ClinicKey.__table__).values(
            clinic_id=clinic_id, key=secrets.token_bytes(KEY_BYTES)
        )
        with self.database.writing() as session:
            row = PatientData(clinic_id=clinic_id, profile=profile, hides_text=rule.hides_text)
            session.merge(row)
            # Unless there is one: whoever sets profiles need not be able to read keys.
            session.execute(key)
        return rule

    def patient_data_rule(self, clinic_id: int) -> PatientDataRule:
        with self.database.reading() as session:
            return _rule(session.get(PatientData, clinic_id))

    def patient_data_rules(self) -> list[tuple[str, PatientDataRule]]:
        """Of every clinic, by its name."""
        query = (
            select(Clinic.name, PatientData)
            .outerjoin(PatientData, PatientData.clinic_id == Clinic.id)
            .order_by(Clinic.name)
        )
        with self.database.reading() as session:
            rows = session.execute(query)
            return [(row.name, _rule(row.PatientData)) for row in rows]

    def data_keys(self, clinic_ids: Collection[int]) -> dict[int, DataKey]:
        """Of those of the clinics whose profile changes files."""
        query = (
            select(PatientData, ClinicKey.key)
            .join(ClinicKey, ClinicKey.clinic_id == PatientData.clinic_id)
            .where(PatientData.clinic_id.in_(clinic_ids), CHANGES_FILES)
        )
        with self.database.reading() as session:
            rows = session.execute(query)
            return {
                rule.clinic_id: DataKey(rule.profile, key, rule.hides_text) for rule, key in rows
            }

    def original_name(self, clinic_id: int, image_id: int) -> str | None:
        """None where the image has the name of its sender, or the name is not kept."""
        with self.database.reading() as session:
            return session.scalar(
                select(OriginalName.name).where(
                    OriginalName.image_id == image_id, OriginalName.clinic_id == clinic_id
                )
            )

    def original_names(self, clinic_id: int, job_id: int) -> Iterator[tuple[int, str, str]]:
        """(image, its neutral name, what its sender called it), in order. Raises NotFound."""
        after = 0
        while True:
            with self.database.reading() as session:
                job_row(session, clinic_id, job_id)
                query = (
                    select(Image.id, Image.filename, OriginalName.name)
                    .join(OriginalName, OriginalName.image_id == Image.id)
                    .where(Image.job_id == job_id, Image.id > after)
                    .order_by(Image.id)
                )
                rows = session.execute(query.limit(CHUNK)).all()
            yield from map(tuple, rows)
            if len(rows) < CHUNK:
                return
            after = rows[-1].id


def _rule(row: PatientData | None) -> PatientDataRule:
    return PatientDataRule(row.profile, row.hides_text) if row else PatientDataRule()

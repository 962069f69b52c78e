"""What clinics require of their people's sign-ins."""

from sqlalchemy import func, select

from worker.store.accounts.tables import SignInRule
from worker.store.database import Database
from worker.store.schema import Clinic


class RuleVerbs:
    database: Database

    def require_second_factor(self, clinic_id: int, required: bool) -> None:
        """Of everybody in the clinic who signs in with a password, from their next request on."""
        with self.database.writing() as session:
            session.merge(SignInRule(clinic_id=clinic_id, second_factor_required=required))

    def second_factor_required(self, clinic_id: int) -> bool:
        with self.database.reading() as session:
            rule = session.get(SignInRule, clinic_id)
            return rule is not None and rule.second_factor_required

    def second_factor_rules(self) -> list[tuple[str, bool]]:
        """Whether every clinic requires a second factor, by the clinic's name."""
        query = (
            select(Clinic.name, func.coalesce(SignInRule.second_factor_required, False))
            .outerjoin(SignInRule, SignInRule.clinic_id == Clinic.id)
            .order_by(Clinic.name)
        )
        with self.database.reading() as session:
            return [(name, bool(required)) for name, required in session.execute(query)]

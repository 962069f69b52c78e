"""Saved views: lists of images that a person keeps by name. Only their owner can reach them."""

from sqlalchemy import delete, func, select

from worker.access import Principal, PrincipalKind, SavedView
from worker.errors import NotFound, TooManyViews
from worker.store.accounts.tables import SavedViewRow
from worker.store.database import Database
from worker.store.numbers import take_number

MAX_VIEWS = 50  # of one owner
MAX_NAME, MAX_QUERY = 80, 2000  # characters; as wide as their columns


class SavedViewVerbs:
    database: Database

    def saved_views(self, owner: Principal) -> list[SavedView]:
        """Theirs, the oldest first."""
        query = select(SavedViewRow).filter_by(**_of(owner)).order_by(SavedViewRow.id)
        with self.database.reading() as session:
            return [SavedView(row.id, row.name, row.query) for row in session.scalars(query)]

    def save_view(self, owner: Principal, name: str, query: str) -> None:
        """Keep it for them; one of the same name is replaced. Raises TooManyViews.

        name: at most MAX_NAME characters. query: at most MAX_QUERY.
        """
        with self.database.writing() as session:
            known = session.scalar(select(SavedViewRow).filter_by(name=name, **_of(owner)))
            if known is not None:
                known.query = query
                return
            count = select(func.count()).select_from(SavedViewRow).filter_by(**_of(owner))
            if session.scalar(count) >= MAX_VIEWS:
                raise TooManyViews(
                    f"You have {MAX_VIEWS} saved views already. Remove one to save another."
                )
            session.add(
                SavedViewRow(
                    id=take_number(
                        session, SavedViewRow, owner.clinic.id if owner.clinic else None
                    ),
                    name=name,
                    query=query,
                    **_of(owner),
                )
            )

    def remove_view(self, owner: Principal, view_id: int) -> None:
        """Raises NotFound, also for a view of somebody else."""
        removed = delete(SavedViewRow).filter_by(id=view_id, **_of(owner))
        with self.database.writing() as session:
            if not session.execute(removed).rowcount:
                raise NotFound(f"You have no saved view {view_id}.")


def _of(owner: Principal) -> dict[str, int]:
    """The column that says whose a view is, and its value."""
    is_person = owner.kind is PrincipalKind.PERSON
    return {"person_id" if is_person else "token_id": owner.id}

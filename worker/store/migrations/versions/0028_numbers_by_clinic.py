"""Rows are numbered by clinic: its own numbers tell a clinic nothing about the rows of others.

Rows that are there keep their numbers, whichever clinic they belong to. All of them are below those
of the second clinic, so the first one goes on after the last number that was used.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

PER_CLINIC = 10**10
NUMBERED = ("jobs", "images", "tokens", "people", "sessions")
# Until now 32 bits wide, on PostgreSQL; SQLite's are 64 anyway.
WIDENED = (
    *(("tokens", "id"), ("people", "id"), ("sessions", "id"), ("recovery_codes", "person_id")),
    *((table, column) for table in ("sessions", "links") for column in ("token_id", "person_id")),
)


def upgrade() -> None:
    op.create_table(
        "numbers",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("clinic_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"last <= {PER_CLINIC}", name="numbers_of_one_clinic"),
        sa.PrimaryKeyConstraint("kind", "clinic_id"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in NUMBERED:
        # Of rows that were deleted, too.
        given = f"SELECT last_value FROM {table}_id_seq WHERE is_called"
        if sqlite:
            given = f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'"
        op.execute(
            f"INSERT INTO numbers SELECT '{table}', 1, coalesce(max(id), 0) "
            f"FROM (SELECT max(id) AS id FROM {table} UNION {given}) AS used"
        )
    if sqlite:
        return
    for table, column in WIDENED:
        op.alter_column(table, column, type_=sa.BigInteger())
    for table in NUMBERED:
        # A row without a number is then an error, not one with a number of another clinic.
        op.alter_column(table, "id", server_default=None)
        op.execute(f"DROP SEQUENCE {table}_id_seq")


def downgrade() -> None:
    raise NotImplementedError("Version 0027 cannot hold token numbers of more than 32 bits.")

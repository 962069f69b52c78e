"""Why results are uncertain, the call of a triage, and several maps in a row."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

# All may be null, so no row is written anew, however many there are.
COLUMNS = {
    "results": (
        ("uncertain_reasons", sa.JSON()),
        ("triage_score", sa.Double()),
        ("triage_threshold", sa.Double()),
    ),
    "maps": (("names", sa.JSON()),),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, _ in columns:
            op.drop_column(table, name)

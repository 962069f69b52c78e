"""The language that somebody has chosen for the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("language", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("people", "language")

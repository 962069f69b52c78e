"""The process of a shadow model gives signs of life as workers do."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    role = sa.Column("role", sa.String(16), nullable=False, server_default="active")
    op.add_column("workers", role)


def downgrade() -> None:
    op.execute("DELETE FROM workers WHERE role != 'active'")
    op.drop_column("workers", "role")

"""How much each worker has done, and how fast it is."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "workers", sa.Column("processed", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("workers", sa.Column("images_per_second", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "images_per_second")
    op.drop_column("workers", "processed")

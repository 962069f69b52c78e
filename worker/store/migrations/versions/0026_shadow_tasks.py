"""Images wait for the shadow model once they have their result."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shadow_tasks",
        sa.Column("image_id", KEY, sa.ForeignKey("images.id"), primary_key=True),
    )


def downgrade() -> None:
    op.drop_table("shadow_tasks")

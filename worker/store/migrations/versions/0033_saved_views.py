"""Saved views of lists of images belong to whoever saved them, not to a browser."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("person_id", KEY, sa.ForeignKey("people.id", ondelete="CASCADE")),
        sa.Column("token_id", KEY, sa.ForeignKey("tokens.id", ondelete="CASCADE")),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("query", sa.String(2000), nullable=False),
        sa.UniqueConstraint("person_id", "name", name="saved_views_of_person"),
        sa.UniqueConstraint("token_id", "name", name="saved_views_of_token"),
    )


def downgrade() -> None:
    op.drop_table("saved_views")

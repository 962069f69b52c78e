"""People are told what happens to their accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", KEY, primary_key=True, autoincrement=False),
        sa.Column("person_id", KEY, sa.ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("browser", sa.String(200), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("detail", sa.String(400), nullable=False),
        sa.Column("session_id", sa.BigInteger()),
        sa.Column("read_at", sa.DateTime(timezone=True)),
    )
    op.create_index("notices_of_person", "notices", ["person_id", "read_at"])
    op.create_table(
        "sign_in_places",
        sa.Column(
            "person_id", KEY, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("browser", sa.String(200), primary_key=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sign_in_places")
    op.drop_table("notices")

"""A clinic that keeps pseudonyms may hide text in pictures, as one that does research does."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "patient_data",
        sa.Column("hides_text", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.execute("UPDATE patient_data SET hides_text = true WHERE profile = 'research'")


def downgrade() -> None:
    op.drop_column("patient_data", "hides_text")

"""Results of shadow models of a clinic are found without reading all others."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

IS_SHADOW = sa.text("role = 'shadow'")


def upgrade() -> None:
    op.create_index(
        "results_shadow",
        "results",
        ["clinic_id", "image_id"],
        sqlite_where=IS_SHADOW,
        postgresql_where=IS_SHADOW,
    )


def downgrade() -> None:
    op.drop_index("results_shadow", "results")

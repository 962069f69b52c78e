"""Statistics of an X-ray as the network saw it, beside its result."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

COLUMNS = ("film_distance", "film_mean", "film_contrast")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("results", sa.Column(name, sa.Double(), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("results", name)

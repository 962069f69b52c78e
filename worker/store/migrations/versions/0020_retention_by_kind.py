"""Files, pictures, maps and results may be kept for different times."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

GONE = ("files_gone_at", "pictures_gone_at", "maps_gone_at")


def upgrade() -> None:
    op.add_column("retention", sa.Column("keep_pictures_days", sa.Integer(), nullable=True))
    op.add_column("retention", sa.Column("keep_maps_days", sa.Integer(), nullable=True))
    op.add_column("images", sa.Column("picture_key", sa.String(80), nullable=True))
    for name in GONE:
        op.add_column("jobs", sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in GONE:
        op.drop_column("jobs", name)
    op.drop_column("images", "picture_key")
    op.drop_column("retention", "keep_maps_days")
    op.drop_column("retention", "keep_pictures_days")

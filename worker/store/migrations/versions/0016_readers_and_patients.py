"""How many readers review each image of a job; whose film an image is."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None

HAS_PATIENT = sa.text("patient IS NOT NULL")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("readers", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("images", sa.Column("patient", sa.String(64), nullable=True))
    op.add_column("images", sa.Column("accession", sa.String(16), nullable=True))
    op.create_index(
        "images_of_patient",
        "images",
        ["clinic_id", "patient", "id"],
        sqlite_where=HAS_PATIENT,
        postgresql_where=HAS_PATIENT,
    )


def downgrade() -> None:
    op.drop_index("images_of_patient", "images")
    op.drop_column("images", "accession")
    op.drop_column("images", "patient")
    op.drop_column("jobs", "readers")

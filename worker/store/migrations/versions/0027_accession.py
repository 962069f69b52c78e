"""An accession number of a clinic is found without reading all of its images."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

HAS_ACCESSION = sa.text("accession IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "images_of_accession",
        "images",
        ["clinic_id", "accession", "id"],
        sqlite_where=HAS_ACCESSION,
        postgresql_where=HAS_ACCESSION,
    )


def downgrade() -> None:
    op.drop_index("images_of_accession", "images")

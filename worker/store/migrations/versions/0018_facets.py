"""Images know the label of their result, so that lists of a whole clinic can be filtered by it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

FACET = ["clinic_id", "status", "label", "uncertain"]
INDEXES = (
    ("images_of_clinic_by_facet", [*FACET, "id"]),
    ("images_of_clinic_by_facet_and_rank", [*FACET, "reading_rank", "id"]),
)


def upgrade() -> None:
    label = sa.Column("label", sa.String(length=80), server_default="", nullable=False)
    op.add_column("images", label)
    op.add_column(
        "images", sa.Column("uncertain", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute(
        "UPDATE images SET label = found.label, uncertain = found.uncertain FROM (SELECT image_id, "
        "label, uncertain FROM results WHERE role = 'active') AS found "
        "WHERE found.image_id = images.id"
    )
    for name, columns in INDEXES:
        op.create_index(name, "images", columns)


def downgrade() -> None:
    for name, _ in INDEXES:
        op.drop_index(name, "images")
    op.drop_column("images", "uncertain")
    op.drop_column("images", "label")

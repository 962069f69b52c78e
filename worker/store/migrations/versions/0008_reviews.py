"""What readers say about results; films that a person had classified against the gate; what files
say about their films; jobs whose answers readers do not see before they gave their own."""

import sqlalchemy as sa
from alembic import op

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NEW_OF_IMAGES = (
    ("facts", sa.JSON()),
    ("waived_reason", sa.String(length=40)),
    ("waived_by", sa.String(length=200)),
    ("waived_at", TIME),
)


def upgrade() -> None:
    for name, kind in NEW_OF_IMAGES:
        op.add_column("images", sa.Column(name, kind, nullable=True))
    op.add_column(
        "jobs", sa.Column("blind", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "reviews",
        sa.Column("image_id", BIG_KEY, nullable=False),
        sa.Column("reader", sa.String(length=200), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("job_id", BIG_KEY, nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=True),
        sa.Column("comment", sa.String(length=2000), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("model_label", sa.String(length=80), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("image_id", "reader"),
    )
    op.create_index("reviews_of_job", "reviews", ["job_id", "image_id"])
    op.create_index("reviews_of_model", "reviews", ["clinic_id", "model"])


def downgrade() -> None:
    raise NotImplementedError("The version before cannot hold reviews.")

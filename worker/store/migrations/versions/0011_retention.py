"""How long clinics keep jobs and files, and jobs that are held."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "retention",
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("keep_files_days", sa.Integer(), nullable=True),
        sa.Column("keep_jobs_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.PrimaryKeyConstraint("clinic_id"),
    )
    op.create_table(
        "holds",
        sa.Column("job_id", BIG_KEY, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("job_id"),
    )


def downgrade() -> None:
    op.drop_table("holds")
    op.drop_table("retention")

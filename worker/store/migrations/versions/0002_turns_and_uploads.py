"""Clinics take turns; a job knows the folder of its files and what its sender called it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clinics", sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "clinics", sa.Column("urgent_streak", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("jobs", sa.Column("upload", sa.String(length=32), nullable=True))
    op.add_column("jobs", sa.Column("idempotency_key", sa.String(length=255), nullable=True))
    op.add_column(
        "jobs", sa.Column("started_with", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_index(
        "jobs_by_idempotency_key", "jobs", ["clinic_id", "idempotency_key"], unique=True
    )
    op.create_index("jobs_by_upload", "jobs", ["upload"], unique=True)
    op.drop_index("images_to_claim", "images")
    _index_to_claim("clinic_id", sa.literal_column("urgent DESC"), "id")


def downgrade() -> None:
    op.drop_index("images_to_claim", "images")
    _index_to_claim(sa.literal_column("urgent DESC"), "id")
    op.drop_index("jobs_by_upload", "jobs")
    op.drop_index("jobs_by_idempotency_key", "jobs")
    op.drop_column("jobs", "started_with")
    op.drop_column("jobs", "idempotency_key")
    op.drop_column("jobs", "upload")
    op.drop_column("clinics", "urgent_streak")
    op.drop_column("clinics", "turn")


def _index_to_claim(*columns) -> None:
    where = sa.text("status = 'waiting'")
    op.create_index(
        "images_to_claim", "images", [*columns], sqlite_where=where, postgresql_where=where
    )

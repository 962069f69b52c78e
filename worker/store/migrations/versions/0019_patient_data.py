"""What clinics keep of their patients: profiles, keys, original names, what files have lost."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "patient_data",
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("profile", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.PrimaryKeyConstraint("clinic_id"),
    )
    op.create_table(
        "clinic_keys",
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.PrimaryKeyConstraint("clinic_id"),
    )
    op.create_table(
        "original_names",
        sa.Column("image_id", BIG_KEY, nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(1000), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"]),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.PrimaryKeyConstraint("image_id"),
    )
    op.add_column("images", sa.Column("deidentified", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("images", "deidentified")
    op.drop_table("original_names")
    op.drop_table("clinic_keys")
    op.drop_table("patient_data")

"""Tokens have scopes and end; people, sessions and links that work once.

Tokens that were there stay valid, with everything that a clinic's admin may do: it is what they
could do until now.
"""

import sqlalchemy as sa
from alembic import op

TIME = sa.DateTime(timezone=True)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCOPES = ["read", "review", "upload", "delete", "admin"]


def upgrade() -> None:
    _change_tokens()
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_key", sa.String(length=400), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_secret", sa.String(length=200), nullable=True),
        sa.Column("totp_used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("oidc_subject", sa.String(length=400), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("disabled_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name_key"),
        sa.UniqueConstraint("oidc_subject"),
    )
    op.create_index("ix_people_clinic_id", "people", ["clinic_id"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=200), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("sessions_of_token", "sessions", ["token_id"])
    op.create_index("sessions_of_person", "sessions", ["person_id"])
    op.create_table(
        "links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
    )


def downgrade() -> None:
    raise NotImplementedError("Version 0008 cannot hold people, and its tokens never end.")


def _change_tokens() -> None:
    with op.batch_alter_table("tokens") as table:
        for name, length in (("name", 200), ("hint", 16)):
            table.add_column(
                sa.Column(name, sa.String(length=length), server_default="", nullable=False)
            )
        table.add_column(sa.Column("scopes", sa.JSON(), nullable=True))
        table.add_column(
            sa.Column("of_setting", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        for name in ("expires_at", "last_used_at", "revoked_at"):
            table.add_column(sa.Column(name, TIME, nullable=True))
    tokens = sa.table("tokens", sa.column("scopes", sa.JSON()), sa.column("name", sa.String()))
    op.execute(tokens.update().values(scopes=SCOPES, name="from an earlier version"))
    with op.batch_alter_table("tokens") as table:
        table.alter_column("scopes", existing_type=sa.JSON(), nullable=False)
        table.alter_column("clinic_id", existing_type=sa.Integer(), nullable=True)

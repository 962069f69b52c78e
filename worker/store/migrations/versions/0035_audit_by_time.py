"""Pages of the audit trail are found by time, for all clinics, one, or one kind of action."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

INDEXES = {
    "audit_by_time": ["at", "id"],
    "audit_of_clinic_by_time": ["clinic_id", "at", "id"],
    "audit_of_action_by_time": ["action", "at", "id"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "audit", columns)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "audit")

"""Images know their place in the order of reading; lists over a whole clinic have indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# By dialect: what the probabilities say about NORMAL (null: nothing), and the highest of them.
NORMAL = {
    "sqlite": "json_extract(probabilities, '$.NORMAL')",
    "postgresql": "(probabilities ->> 'NORMAL')::float8",
}
HIGHEST = {
    "sqlite": "(SELECT max(value) FROM json_each(probabilities))",
    "postgresql": "(SELECT max(value::float8) FROM json_each_text(probabilities))",
}
INDEXES = (
    ("images_of_job_by_rank", ["job_id", "reading_rank", "id"]),
    ("images_of_clinic", ["clinic_id", "id"]),
    ("images_of_clinic_by_rank", ["clinic_id", "reading_rank", "id"]),
    ("images_of_clinic_by_name", ["clinic_id", "filename", "id"]),
)


def upgrade() -> None:
    op.add_column(
        "images", sa.Column("reading_rank", sa.Double(), server_default="4.0", nullable=False)
    )
    dialect = op.get_bind().dialect.name
    # As `worker.reading_order` does it.
    op.execute(
        "UPDATE images SET reading_rank = found.reading_rank FROM (SELECT image_id, "
        "CASE WHEN uncertain THEN 1 WHEN label = 'NORMAL' THEN 2 ELSE 0 END + 1 - "
        f"coalesce(1 - {NORMAL[dialect]}, {HIGHEST[dialect]}) AS reading_rank "
        "FROM results WHERE role = 'active') AS found WHERE found.image_id = images.id"
    )
    for name, columns in INDEXES:
        op.create_index(name, "images", columns)
    _index_results("job_id", "label", "image_id", "uncertain")


def downgrade() -> None:
    _index_results("job_id", "label", "image_id")
    for name, _ in INDEXES:
        op.drop_index(name, "images")
    op.drop_column("images", "reading_rank")


def _index_results(*columns: str) -> None:
    op.drop_index("results_of_job_by_label", "results")
    active = sa.text("role = 'active'")
    op.create_index(
        "results_of_job_by_label",
        "results",
        [*columns],
        sqlite_where=active,
        postgresql_where=active,
    )

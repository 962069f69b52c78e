"""Results and maps leave `images`: one row per image and model, and no column per class.

Besides: jobs are pinned to a model, may be received while they are worked on, or stay open; leases
say who holds them and for how long; and workers say that they are alive.
"""

import sqlalchemy as sa
from alembic import op

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What results were made of before, in the order of every model so far.
LABELS = {"COVID19": "covid19", "NORMAL": "normal", "PNEUMONIA": "pneumonia"}
OLD_RESULT = ("label", *LABELS.values(), "uncertain", "model", "timings_ms")
NEW_OF_IMAGES = (
    ("gate_version", sa.String(length=80)),
    ("gate_score", sa.Double()),
    ("lease_s", sa.Double()),
    ("lease_holder", sa.String(length=64)),
)
NEW_OF_JOBS = (
    ("model", sa.String(length=80)),
    ("labels", sa.JSON()),
    ("content_sha256", sa.String(length=64)),
    ("accepted_at", TIME),
    ("touched_at", TIME),
    ("deleted_at", TIME),
    ("part_of", BIG_KEY),
)
KEPT_OF_IMAGES = (
    *("id", "clinic_id", "job_id", "filename", "file_key", "size_bytes", "status"),
    *("reason", "message", "width", "height", "attempts", "lease_token", "lease_until"),
    *("created_at", "finished_at"),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, kind in NEW_OF_JOBS:
        op.add_column("jobs", sa.Column(name, kind, nullable=True))
    op.add_column(
        "jobs", sa.Column("open", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    if sqlite:
        _create_images("images_new")
    # On SQLite they refer to the new table from the start, and follow when it gets its name.
    _create_results("images_new" if sqlite else "images")
    _fill_results("json_object" if sqlite else "json_build_object")
    op.drop_table("attention_maps")
    if sqlite:
        _replace_images()
    else:
        _change_images()
    _index_results()
    _fill_jobs()
    _index_jobs()


def downgrade() -> None:
    raise NotImplementedError("Version 0003 cannot hold the results of several models.")


def _create_images(name: str) -> None:
    """SQLite only: PostgreSQL changes the table that is there."""
    op.create_table(
        name,
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("job_id", BIG_KEY, nullable=False),
        sa.Column("filename", sa.String(length=1000), nullable=False),
        sa.Column("file_key", sa.String(length=80), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        *(sa.Column(name, kind, nullable=True) for name, kind in NEW_OF_IMAGES),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    columns = ", ".join(KEPT_OF_IMAGES)
    op.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM images ORDER BY id")
    # The numbers of deleted images stay used.
    op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{name}'")
    op.execute(
        f"INSERT INTO sqlite_sequence SELECT '{name}', seq FROM sqlite_sequence "
        "WHERE name = 'images'"
    )


def _create_results(images: str) -> None:
    op.create_table(
        "results",
        sa.Column("image_id", BIG_KEY, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("job_id", BIG_KEY, nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False),
        sa.Column("timings_ms", sa.JSON(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.ForeignKeyConstraint(["image_id"], [f"{images}.id"]),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("image_id", "model"),
    )
    op.create_table(
        "maps",
        sa.Column("image_id", BIG_KEY, nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("grid", sa.LargeBinary(), nullable=False),
        sa.Column("left", sa.Double(), nullable=False),
        sa.Column("top", sa.Double(), nullable=False),
        sa.Column("right", sa.Double(), nullable=False),
        sa.Column("bottom", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"]),
        sa.ForeignKeyConstraint(["image_id"], [f"{images}.id"]),
        sa.PrimaryKeyConstraint("image_id", "model", "name"),
    )


def _fill_results(json_object: str) -> None:
    pairs = ", ".join(f"'{label}', {column}" for label, column in LABELS.items())
    op.execute(
        "INSERT INTO results (image_id, model, role, clinic_id, job_id, label, probabilities, "
        "uncertain, timings_ms, created_at) "
        f"SELECT id, model, 'active', clinic_id, job_id, label, {json_object}({pairs}), "
        "uncertain, timings_ms, finished_at FROM images WHERE label IS NOT NULL ORDER BY id"
    )
    box = '"left", top, "right", bottom'
    op.execute(
        "INSERT INTO maps (image_id, model, name, position, clinic_id, height, width, grid, "
        f"{box}) SELECT image_id, results.model, 'attention', 0, attention_maps.clinic_id, "
        f"height, width, grid, {box} "
        "FROM attention_maps JOIN results USING (image_id) ORDER BY image_id"
    )


def _replace_images() -> None:
    op.drop_table("images")
    op.rename_table("images_new", "images")
    running = sa.text("status = 'running'")
    op.create_index("images_of_job", "images", ["job_id", "id"])
    op.create_index("images_of_job_by_status", "images", ["job_id", "status", "id"])
    op.create_index("images_leased", "images", ["lease_until"], sqlite_where=running)


def _change_images() -> None:
    op.drop_index("images_of_job_by_label", "images")
    op.drop_index("images_to_send", "images")
    op.drop_index("images_to_claim", "images")
    for name in (*OLD_RESULT, "sent_at", "urgent"):
        op.drop_column("images", name)
    for name, kind in NEW_OF_IMAGES:
        op.add_column("images", sa.Column(name, kind, nullable=True))


def _index_results() -> None:
    active = sa.text("role = 'active'")
    where = {"sqlite_where": active, "postgresql_where": active}
    op.create_index("results_active", "results", ["image_id"], unique=True, **where)
    op.create_index("results_of_job_by_label", "results", ["job_id", "label", "image_id"], **where)


def _fill_jobs() -> None:
    op.execute("UPDATE jobs SET accepted_at = created_at")
    labels = "[" + ", ".join(f'"{label}"' for label in LABELS) + "]"
    # A job of two models stays free: whichever model comes next takes what is left of it.
    op.execute(
        f"UPDATE jobs SET labels = '{labels}', model = found.model FROM (SELECT job_id, "
        "CASE WHEN min(model) = max(model) THEN min(model) END AS model "
        "FROM results GROUP BY job_id) AS found WHERE found.job_id = jobs.id"
    )


def _index_jobs() -> None:
    op.create_index("jobs_by_open_job", "jobs", ["part_of"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, columns, where in (
        ("jobs_to_claim", ["clinic_id", "urgent", "id"], "waiting > 0"),
        ("jobs_arriving", ["touched_at"], "accepted_at IS NULL"),
        ("jobs_open", ["touched_at"], f"open IS {1 if sqlite else True}"),
        ("jobs_deleted", ["id"], "deleted_at IS NOT NULL"),
    ):
        where = sa.text(where)
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where)

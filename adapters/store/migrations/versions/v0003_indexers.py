"""Indexers: their sessions, our accounts with them, and what they answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "indexer_sessions",
        sa.Column("indexer", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("indexer", name=op.f("pk_indexer_sessions")),
    )
    op.create_table(
        "indexer_accounts",
        sa.Column("indexer", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("indexer", name=op.f("pk_indexer_accounts")),
    )
    op.create_table(
        "indexer_answers",
        sa.Column("indexer", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("offers", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("indexer", "question", name=op.f("pk_indexer_answers")),
    )
    op.create_index(op.f("ix_indexer_answers_asked_at"), "indexer_answers", ["asked_at"])

"""Checkpoints in SQLite and Postgres; nothing of sessions."""

"""Alembic's revisions: each changes the tables by one step, and says what came before it."""

"""Conversations: what was said, and who may read it."""

"""Prompt templates, calls of a model with prompts, and the parsers of what it answers."""

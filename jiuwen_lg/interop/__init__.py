"""Workflows in other people's programs, and other people's objects as components."""

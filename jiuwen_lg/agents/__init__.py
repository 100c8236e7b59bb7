"""Agents: conversations over workflows."""

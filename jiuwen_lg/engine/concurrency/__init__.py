"""Clocks, buffers and event loops; nothing of workflows."""

"""Adapters for openJiuwen 0.1.4 to 0.1.19: thin classes over ours with today's names, signatures and shapes.

Only the `openjiuwen` alias imports them.
"""

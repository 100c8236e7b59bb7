"""Refuses connections that leave this machine, in every Python process that has this folder on its path."""

import sys

_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")


def _refuse(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple) and not str(args[1][0]).startswith(_LOCAL):
        raise ConnectionError(f"the network is off: {args[1]}")
    if event == "socket.getaddrinfo" and args[0] and not str(args[0]).startswith(_LOCAL):
        raise ConnectionError(f"the network is off: {args[0]}")


sys.addaudithook(_refuse)

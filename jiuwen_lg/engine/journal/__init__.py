"""The journal: an entry for each execution of a component, written in its step's own transaction."""

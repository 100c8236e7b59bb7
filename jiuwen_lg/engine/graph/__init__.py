"""The definition of a workflow: components, connections, and the state of their runs."""

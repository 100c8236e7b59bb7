"""What was built: components, connections, and the state that a run of them has."""

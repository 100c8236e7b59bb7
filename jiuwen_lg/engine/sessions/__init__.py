"""The rows of sessions: whose a run is, who executes it, what it waits for."""

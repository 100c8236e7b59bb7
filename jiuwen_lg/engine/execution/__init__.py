"""One superstep: a component, a graph inside one, or an iteration of a loop runs as a LangGraph node."""

"""One superstep: a component runs as a LangGraph node."""

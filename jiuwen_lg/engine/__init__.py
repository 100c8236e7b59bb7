"""From a workflow's definition to a LangGraph graph, and from a turn to its outcome."""

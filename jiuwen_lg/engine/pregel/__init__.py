"""The only package that relies on what LangGraph keeps private."""

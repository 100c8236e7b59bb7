"""Tools that components and agents can call: functions, HTTP services, LangChain's tools."""

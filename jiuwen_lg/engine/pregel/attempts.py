"""Another attempt of a task that runs a graph: the graph resumes where the attempt before failed.

LangGraph tells a retried task to resume the graphs inside it, and then counts them on, so that the second attempt's
graph has a checkpoint namespace of its own, in which there is nothing to resume.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from langchain_core.runnables import RunnableConfig

from jiuwen_lg.engine.pregel.keys import RESUMING

SCRATCHPAD = "__pregel_scratchpad"
"""In a `configurable`: what LangGraph counts of a task."""


def resuming(config: RunnableConfig) -> RunnableConfig:
    """Return the config of a retried task in which its graph has the namespace of the attempt before."""
    configurable = {**config["configurable"], RESUMING: True}
    if (scratchpad := configurable.get(SCRATCHPAD)) is not None:
        configurable[SCRATCHPAD] = replace(scratchpad, subgraph_counter=count(0).__next__)
    return {**config, "configurable": configurable}

"""TurnQueue on many machines: a client submits them, workers run them, Postgres holds both together.

`pip install "jiuwen-lg[workers]"`; Procrastinate queues the turns, each under the lock of its session.
"""

from jiuwen_lg.workers.client import SubmittedTurn, WorkflowClient
from jiuwen_lg.workers.worker import Worker

__all__ = ["SubmittedTurn", "Worker", "WorkflowClient"]

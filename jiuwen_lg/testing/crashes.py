"""Processes that die in the middle of a run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Mapping
from typing import Any

from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.testing.faults import before
from jiuwen_lg.testing.runs import session_of
from jiuwen_lg.workflow import Workflow


def killed(
    flow: Workflow,
    inputs: Any = None,
    *,
    at: str,
    session_id: str | None = None,
    context: Any = None,
    envs: Mapping[str, Any] | None = None,
    **runtime: Any,
) -> str:
    """Run a turn in a second process, which is killed (`kill -9`) when a component begins.

    The second process is a copy of this one (`fork`, so not on Windows); what it counts and
    records in memory is not seen here.

    Args:
        flow: The workflow.
        inputs: As for `Workflow.invoke`.
        at: The component's executable id.
        session_id: The session; a new one if absent.
        context: What components receive as their third argument.
        envs: Settings of the run.
        runtime: As for `WorkflowRuntime`.

    Returns:
        The session.

    Raises:
        AssertionError: The process ended before it got there.
        JiuWenBaseException: 110006, there is no such component.
    """
    session = session_of(session_id, envs, **runtime)
    with before(flow, at, lambda: os.kill(os.getpid(), signal.SIGKILL)), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads is copied
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _run_and_leave(flow, inputs, session, context)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise AssertionError(f"the process ended before [{at}] began (exit code {os.waitstatus_to_exitcode(status)})")
    return session.session_id()


def _run_and_leave(flow: Workflow, inputs: Any, runtime: WorkflowRuntime, context: Any) -> None:
    """Run the copy; it exits without winding up what belongs to the test's process."""
    code = 1
    try:
        asyncio.run(flow.invoke(inputs, runtime, context))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the process of the test tells of it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)

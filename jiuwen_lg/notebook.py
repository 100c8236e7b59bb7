"""Answering on the spot: in a notebook's cell, or in a terminal.

output = await chat(flow, {"query": "hello"})
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock, wait_any
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.forms.dialogue import ask_question, plain_terminal, rich_terminal
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import InteractionOutput, WorkflowOutput, questions_in
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.workflow import Workflow

Asker: TypeAlias = Callable[[Sequence[InteractionOutput]], Awaitable[Sequence[Any]]]
"""Shows questions to a person, and gives their answers in the same order."""


async def chat(
    flow: Workflow,
    inputs: Any,
    runtime: WorkflowRuntime | None = None,
    context: Any = None,
    *,
    ask: Asker | None = None,
) -> WorkflowOutput:
    """Run a workflow to its end, and ask the person in front of it what it asks.

    In a notebook the questions are a form, if the kernel can take answers while a cell runs (ipykernel 7,
    ipywidgets); else, and in a terminal, they are asked with `input()`. Where nobody can answer (a notebook
    that runs by itself), the paused output is returned, which says how to go on. An answer that does not fit
    is asked for again, with the reason.

    Args:
        flow: The workflow.
        inputs: As in `Workflow.invoke`; for a session that waits already, `InteractiveInput()`.
        runtime: As in `Workflow.invoke`.
        context: As in `Workflow.invoke`.
        ask: Another way to ask.

    Returns:
        The output: COMPLETED, unless nobody can answer or it was told to stop.

    Raises:
        JiuWenBaseException: As `Workflow.invoke`.
    """
    session = runtime or WorkflowRuntime()
    ask = ask or _asker()
    output = await flow.invoke(inputs, session, context)
    while ask is not None and (questions := questions_in(output)):
        try:
            answers = await ask(questions)
        except EOFError:  # nobody is there any more
            return output
        try:
            output = await flow.invoke(_reply(questions, answers), session, context)
        except JiuWenBaseException as error:
            if error.error_code != StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.code:
                raise
            print(error.message)  # noqa: T201 - it is for the person who answers
    return output


def _reply(questions: Sequence[InteractionOutput], answers: Sequence[Any]) -> InteractiveInput:
    reply = InteractiveInput()
    for question, answer in zip(questions, answers, strict=True):
        reply.update(question.id, answer).tokens[question.id] = question.token
    return reply


def _asker() -> Asker | None:
    """Return the function that asks a person here."""
    kernel = _kernel()
    if kernel is None:
        return _ask_in_turn
    if not getattr(kernel, "_allow_stdin", True):
        return None
    return _ask_in_a_form if _can_show_forms() else _ask_in_turn


def _kernel() -> Any:
    """The notebook's kernel; None outside of one."""
    import sys

    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def _can_show_forms() -> bool:
    """Whether the kernel hears the form while a cell waits: earlier ones hear nothing until it ends."""
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    try:
        major = int(version("ipykernel").split(".")[0])
    except (PackageNotFoundError, ValueError):
        return False
    return major >= 7 and find_spec("ipywidgets") is not None


# --- one after the other ---


async def _ask_in_turn(questions: Sequence[InteractionOutput]) -> list[Any]:
    """One field after the other, with `input()`; nothing of the workflow runs meanwhile."""
    terminal = plain_terminal() if _kernel() is not None else rich_terminal()
    with _interruptible():
        return [ask_question(terminal, question) for question in questions]


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a wait for input at once; `asyncio.run` would cancel what does not look."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- with a form ---


async def _ask_in_a_form(questions: Sequence[InteractionOutput]) -> list[Any]:
    """All at once, in the cell's output; what was answered stays to be seen."""
    import asyncio

    from IPython.display import display

    from jiuwen_lg.forms.widgets import QuestionForm

    show: Any = display  # it has no types
    answered: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def answer(answers: list[Any]) -> None:
        if not answered.done():
            answered.set_result(answers)

    with _acknowledged():
        form = QuestionForm(questions, answer)
        show(form.view)
        try:
            await wait_any([answered], None, PausableClock())
        finally:
            form.disable()
    return answered.result()


@contextmanager
def _acknowledged() -> Iterator[None]:
    """Tell the frontend of every message of a widget that it was handled.

    A frontend holds a widget's next change back until then, and ipykernel 7 does not say so while a cell runs:
    of what a person types, the first change alone would arrive.
    """
    from ipywidgets import Widget

    def constructed(widget: Any) -> None:
        handle = widget._handle_msg  # noqa: SLF001 - ipywidgets has no public place for it

        def handled(message: Any) -> None:
            handle(message)
            publish = getattr(_kernel(), "_publish_status", None)
            if publish is not None:
                publish("idle", "shell", message)

        widget._handle_msg = handled  # noqa: SLF001

    Widget.on_widget_constructed(constructed)
    try:
        yield
    finally:
        Widget.on_widget_constructed(None)

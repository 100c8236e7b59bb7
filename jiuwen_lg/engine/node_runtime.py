"""The runtime that a component receives for one execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt
from pydantic import ValidationError

from jiuwen_lg.engine.channels import KEPT_ANSWER
from jiuwen_lg.engine.interaction import InteractionRequired
from jiuwen_lg.engine.scope import Scope
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import BaseStreamMode, CustomSchema, OutputSchema
from jiuwen_lg.runtime import Runtime, read_state
from jiuwen_lg.schema.path import MISSING, walk
from jiuwen_lg.schema.reference import look_up, parse_reference
from jiuwen_lg.schema.values import detach, patch_private, storable


class NodeRuntime(Runtime):
    """One execution of one component.

    Reads come from the state as it was when the execution began; writes are queued and
    leave with the component's output (`private_patches`, `global_patches`).
    """

    __slots__ = (
        "_answers",
        "_id",
        "_kept",
        "_private",
        "_scope",
        "_state",
        "asked",
        "global_patches",
        "private_patches",
    )

    def __init__(self, id: str, scope: Scope, state: Mapping[str, Any], carried: list[Any]) -> None:
        self._id = id
        self._scope = scope
        self._state = state
        self._private: dict[str, Any] = state["own"].get(id) or {}
        for patch in carried:
            self._private = patch_private(self._private, patch)
        self._kept: Any = self._private.get(KEPT_ANSWER)
        self._answers = 0
        self.private_patches: list[Any] = list(carried)
        self.global_patches: list[dict[str, Any]] = []
        self.asked: list[InteractionRequired] = []

    def executable_id(self) -> str:
        return self._id

    def session_id(self) -> str:
        return self._scope.session_id

    def read(self, name: str) -> Any:
        """What the first name of a `${…}` stands for: a component's output, else a workflow input."""
        outputs = self._state["io"]
        return outputs[name] if name in outputs else self._state["inputs"].get(name, MISSING)

    def get_state(self, key: Any = None) -> Any:
        own = {name: value for name, value in self._private.items() if name != KEPT_ANSWER}
        return read_state(own, key)

    def update_state(self, data: dict[str, Any] | None) -> None:
        _require_dict(data, "update_state")
        self.private_patches.append(detach(data))

    def get_global_state(self, key: Any = None) -> Any:
        if key is None:
            return None
        return look_up(key, self._read_anything) if not isinstance(key, str) else self._global_path(key)

    def update_global_state(self, data: dict[str, Any] | None) -> None:
        _require_dict(data, "update_global_state")
        if data is not None:
            self.global_patches.append(detach(data))

    def _global_path(self, key: str) -> Any:
        """Global state first, then the outputs and inputs, then the component's own output."""
        reference = parse_reference(key)
        path = key if reference is None else key[2:-1]
        for read in (self._read_world, self.read, self._read_own_output):
            found = look_up(path, read)
            if found is not None:
                return found
        return None

    def _read_anything(self, name: str) -> Any:
        found = self._read_world(name)
        return self.read(name) if found is MISSING else found

    def _read_world(self, name: str) -> Any:
        return self._state["world"].get(name, MISSING)

    def _read_own_output(self, name: str) -> Any:
        return walk(self._state["io"], (self._id, name))

    async def interact(self, value: Any) -> Any:
        if not self._scope.can_pause:
            raise StatusCode.STORE_OFF.error(reason=f"component [{self._id}] asked {value!r}")
        is_kept = self._kept is not None and self._answers == 0
        answer = self._kept if is_kept else self._ask(value)
        self._answers += 1
        return storable(answer)

    def _ask(self, value: Any) -> Any:
        question: dict[str, Any] = {"id": self._id, "index": self._answers, "value": value}
        if self._kept is not None:
            question["kept"] = 1
        if self.private_patches:
            question["state"] = list(self.private_patches)
        try:
            return interrupt(question)
        except GraphInterrupt as raised:
            required = InteractionRequired(raised.args[0][0])
            self.asked.append(required)
            raise required from None

    async def write_stream(self, data: dict[str, Any] | OutputSchema) -> None:
        if BaseStreamMode.OUTPUT in self._scope.modes:
            await self._scope.emit(_output_frame(data))

    async def write_custom_stream(self, data: dict[str, Any] | CustomSchema) -> None:
        if BaseStreamMode.CUSTOM in self._scope.modes:
            frame = data if isinstance(data, CustomSchema) else CustomSchema(**data)
            await self._scope.emit(frame)

    def get_env(self, key: str) -> Any:
        return self._scope.envs.get(key)

    def patches(self) -> list[Any]:
        """The private-state patches of a finished execution; a kept answer is used up."""
        if self._kept is None:
            return self.private_patches
        return [*self.private_patches, {KEPT_ANSWER: None}]

    def open_questions(self) -> list[InteractionRequired]:
        """What this execution asked, got no answer to, and did not withdraw."""
        return [required for required in self.asked if not required.is_handled]


def _require_dict(data: Any, method: str) -> None:
    if data is not None and not isinstance(data, dict):
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
            error=f"{method} takes a dict, {data!r} is a {type(data).__name__}"
        )


def _output_frame(data: Any) -> OutputSchema:
    if data is None:
        raise StatusCode.STREAM_WRITER_WRITE_FAILED.error()
    if isinstance(data, OutputSchema):
        return data
    try:
        return OutputSchema.model_validate(data)
    except ValidationError as error:
        raise _bad_frame(error) from error


def _bad_frame(error: ValidationError) -> JiuWenBaseException:
    reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'frame'}: {e['msg']}" for e in error.errors())
    return StatusCode.STREAM_WRITER_WRITE_SCHEMA_FAILED.error(reason=reasons)

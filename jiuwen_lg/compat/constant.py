"""Constants of openJiuwen 0.1.1 that programs import (`agents.md` 0); the engine has its own."""

from __future__ import annotations

from datetime import timedelta, timezone

INTERACTION = "__interaction__"
INTERACTIVE_INPUT = "__interactive_input__"
END_NODE_STREAM = "end node stream"
END_FRAME = "all streaming outputs finish"
INPUTS_KEY = "inputs"
CONFIG_KEY = "config"
INDEX = "index"
FINISH_INDEX = "finish_index"
LOOP_ID = "__sys_loop_id"
NESTED_LOOP_DEPTH = 1
QUERY = "query"
USER_FIELDS = "userFields"
SYSTEM_FIELDS = "systemFields"
MAX_AST_DEPTH = 50
MAX_COLLECTION_SIZE = 100_000
MAX_EXPRESSION_LENGTH = 5000
TIMEZONE_NAME = timezone(timedelta(hours=8), "Asia/Shanghai")

ERR_CODE = "errCode"
ERR_MESSAGE = "errMessage"
RESTFUL_DATA = "data"
REQUEST_TIMEOUT = 60
MAX_RESULT_SIZE = 10 * 1024 * 1024

WORKFLOW_DRAWABLE = "WORKFLOW_DRAWABLE"

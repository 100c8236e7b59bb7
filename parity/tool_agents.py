"""Small programs about agents whose model calls tools, controllers, groups and Runner; see `corpus`.

`script` makes random ones: a conversation with a model that calls tools and workflows by a script.
"""

from __future__ import annotations

from random import Random

from parity import agents

PRELUDE = (
    agents.PRELUDE
    + '''
from openjiuwen.agent.config.base import AgentConfig
from openjiuwen.agent.config.react_config import ConstrainConfig
from openjiuwen.agent.llm_agent import create_llm_agent, create_llm_agent_config
from openjiuwen.agent.react_agent import ReActAgent, create_react_agent_config
from openjiuwen.core.agent.agent import ControllerAgent
from openjiuwen.core.agent.controller import BaseController
from openjiuwen.core.agent.message.message import Message
from openjiuwen.core.runner.runner import Runner, resource_mgr
from openjiuwen.core.utils.tool.function.function import LocalFunction
from openjiuwen.core.utils.tool.param import Param

def do_POST(self):
    body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
    SERVER.asked.append(body)
    reply = SERVER.replies[min(len(SERVER.asked), len(SERVER.replies)) - 1]
    if isinstance(reply, int):
        self.send_response(reply); sent = b'{"error": {"message": "no"}}'
        self.send_header("Content-Length", str(len(sent))); self.end_headers(); self.wfile.write(sent); return
    content, wanted = (reply, []) if isinstance(reply, str) else reply
    calls = [{"id": f"c{len(SERVER.asked)}_{n}", "index": n, "type": "function",
              "function": {"name": name, "arguments": json.dumps(arguments)}} for n, (name, arguments) in enumerate(wanted)]
    common = {"id": "x", "created": 1, "model": "m"}
    self.send_response(200)
    if body.get("stream"):
        self.send_header("Content-Type", "text/event-stream")
        deltas = [{"role": "assistant", "content": content}] + ([{"tool_calls": calls}] if calls else [])
        chunks = [{**common, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
        sent = b"".join(b"data: " + json.dumps(c).encode() + b"\\n\\n" for c in chunks) + b"data: [DONE]\\n\\n"
    else:
        self.send_header("Content-Type", "application/json")
        message = {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        sent = json.dumps({**common, "object": "chat.completion", "choices": [choice],
                           "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}).encode()
    self.send_header("Content-Length", str(len(sent))); self.end_headers(); self.wfile.write(sent)
Handler.do_POST = do_POST

def number(name): return Param(name=name, description=name, param_type="integer", required=True)
plus = LocalFunction(name="plus", description="adds", params=[number("a"), number("b")], func=lambda a, b: a + b)
echo = LocalFunction(name="echo", description="repeats", params=[number("a")], func=lambda a: {"a": a, "l": [None, "x"]})

def wire(asked):
    """The texts of a request; what tools answered only where both have one form."""
    return [(m["role"], m["content"], [c["function"]["name"] for c in m.get("tool_calls") or []]) for m in asked["messages"]]

def react(*tools, rounds=10, most=5):
    config = create_react_agent_config(uuid.uuid4().hex, "1", "", model(), [{"role": "system", "content": "Be brief."}])
    config.constrain = ConstrainConfig(reserved_max_chat_rounds=rounds, max_iteration=most)
    made = ReActAgent(config); made.add_tools([*tools])
    return made

def llm(*tools, flows=()):
    config = create_llm_agent_config(uuid.uuid4().hex, "1", "", [], [], model(), [{"role": "system", "content": "Be brief."}])
    return create_llm_agent(config, [*flows], [*tools])

def chat(made, *turns, shows=True):
    """Turns of one conversation; prints results, questions and codes, and at last what the model was told."""
    conversation = uuid.uuid4().hex
    async def main():
        for turn in turns:
            try: said = await made.invoke({"conversation_id": conversation, "query": turn})
            except JiuWenBaseException as error: print("error", error.error_code); continue
            print([(f.payload.id, f.payload.value) for f in said] if isinstance(said, list) else said, len(SERVER.asked))
    loop(); asyncio.run(main())
    if shows: print(wire(SERVER.asked[-1]))

def to(node, value):
    answer = InteractiveInput(); answer.update(node, value)
    return answer
'''
)

_PROGRAMS = {
    "react_tools": """
SERVER.replies = [("let me see", [("plus", {"a": 1, "b": 2}), ("echo", {"a": 5})]), ("", [("plus", {"a": 3, "b": 3})]), "six"]
chat(react(plus, echo), "go", "again")
print([(t["function"]["name"], t["function"]["parameters"]) for t in SERVER.asked[0]["tools"]], SERVER.asked[0]["tool_choice"])
""",
    "react_history": """
SERVER.replies = ["a", "b", "c", "d"]
chat(react(rounds=2), "one", "two", "two", "three")
made = react()
for conversation in ("x", "y", "x"): loop(); asyncio.run(made.invoke({"conversation_id": conversation + SESSION, "query": conversation}))
print(wire(SERVER.asked[-1]))
""",
    "react_limits": """
SERVER.replies = [("", [("echo", {"a": 1})])]
chat(react(echo, most=2), "go", shows=False)
chat(react(echo, most=1), "go", "", None, shows=False)
SERVER.replies = [500]
chat(react(), "go", shows=False)
""",
    "react_frames": """
SERVER.replies = [("", [("plus", {"a": 1, "b": 2})]), "three"]
async def main():
    async for f in react(plus).stream({"query": "go", "conversation_id": SESSION}):
        p = f.payload
        print(f.type, [(k, p[k]) for k in ("inputs", "outputs", "error", "invokeType", "name", "metaData")] if f.type == "tracer_agent" else p)
loop(); asyncio.run(main())
""",
    "llm_agent_frames": """
SERVER.replies = [("hm", [("plus", {"a": 1, "b": 2})]), "three"]
async def main():
    async for f in llm(plus).stream({"query": "go", "conversation_id": SESSION}):
        p = f.payload
        print(f.type, (p["invokeType"], bool(p["endTime"])) if f.type == "tracer_agent" else p)
loop(); asyncio.run(main())
""",
    "llm_agent_workflow": """
flow = workflow("w", ("a", C(lambda i, r: {"said": i["query"]})))
SERVER.replies = [("", [("w", {"query": "x"})]), "done"]
chat(llm(plus, flows=[flow]), "go")
""",
    "llm_agent_questions": """
SERVER.replies = [("", [("w", {"query": "x"})]), "done", "more"]
chat(llm(flows=[workflow("w", ("a", asks("name?")))]), "go", to("a", "ann"), "on")
SERVER.asked.clear(); SERVER.replies = [("", [("w", {"query": "x"})]), "words", ("", [("w", {"query": "y"})]), "done"]
chat(llm(flows=[workflow("w", ("a", asks("name?")))]), "go", "how are you", "ann")
SERVER.asked.clear(); SERVER.replies = [("", [("w", {"query": "x"})]), "done"]
chat(llm(flows=[workflow("w", ("a", asks("one?")), ("b", asks("two?")))]), "go", to("a", "1"), to("b", "2"))
""",
    "llm_agent_errors": """
for reply in ([("", [("nobody", {})])], [500]):
    SERVER.asked.clear(); SERVER.replies = reply
    chat(llm(plus), "go", shows=False)
for query in (5, True):
    SERVER.asked.clear(); SERVER.replies = ["fine"]
    chat(llm(), query)
""",
    "controller_agent": """
class Mine(BaseController):
    async def handle_message(self, message, runtime):
        c = message.content
        if c.query == "break": raise ValueError("no")
        await runtime.write_stream(OutputSchema(type="own", index=0, payload=c.get_query()))
        return {"query": c.query, "more": c.extensions, "user": message.source.user_id, "session": runtime.session_id()}
made = ControllerAgent(AgentConfig(id=uuid.uuid4().hex), controller=Mine())
async def main():
    for given in ({"query": "a", "conversation_id": "c", "x": 1, "user_id": "u"}, {}, {"query": 5}, {"query": "break"}):
        try: print(await made.invoke(given))
        except JiuWenBaseException as error: print("error", error.error_code)
    print([(f.type, f.payload) async for f in made.stream({"query": "s"})])
loop(); asyncio.run(main())
""",
    "runner_and_resources": """
flow = workflow("w")
async def main():
    resource_mgr.workflow().add_workflow("k" + SESSION, flow); resource_mgr.tool().add_tool("t" + SESSION, plus)
    print((await Runner.run_workflow("k" + SESSION, {"query": "q"})).result, await Runner.run_tool("t" + SESSION, {"a": 1, "b": 2}))
    for call in (Runner.run_agent("nobody", {}), Runner.run_tool("nobody", {})):
        try: await call
        except JiuWenBaseException as error: print(error.error_code)
    print(resource_mgr.workflow().remove_workflow("k" + SESSION) is flow, resource_mgr.tool().remove_tool("t" + SESSION) is plus)
loop(); asyncio.run(main())
""",
    "differs_react_failing_tool": """
def fails(a): raise KeyError("a")
SERVER.replies = [("", [("fails", {"a": 1})]), "sorry"]
try: chat(react(LocalFunction(name="fails", description="f", params=[number("a")], func=fails)), "go", shows=False)
except Exception as error: print(type(error).__name__)
""",
    "differs_llm_agent_limit": """
SERVER.replies = [("", [("echo", {"a": 1})])]
chat(llm(echo), "go", shows=False)
""",
}

PROGRAMS = {name: PRELUDE + body for name, body in _PROGRAMS.items()}

INTENDED = {
    "differs_react_failing_tool": "a `ReActAgent` raises what a tool fails with",
    "differs_llm_agent_limit": "an agent at `max_iteration` answers as if it had succeeded",
}


def script(random: Random) -> str:
    """A random conversation with a random script of its model.

    Left out is what differs by intent: tools that fail, several calls of which one waits, too many calls, and a
    history that is cut.
    """
    is_react = random.random() < 0.5
    replies: list[str] = []
    turns: list[str] = []
    for number in range(random.randint(1, 5)):
        turns.append(repr(random.choice(("hello", "你好", "hello again", str(number)))))
        for _ in range(random.randint(0, 2)):
            replies.append(f"({random.choice(('', 'hm'))!r}, {_calls(random, is_react=is_react)})")
        replies.append(repr(f"answer {number}"))
    agent = (
        "react(plus, echo, rounds=500)"
        if is_react
        else "llm(plus, echo, flows=[workflow('w', ('a', C(lambda i, r: i)))])"
    )
    # What an LLMAgent tells its model of a tool's result is a repr there, so it is not compared.
    shown = "True" if is_react else "False"
    return PRELUDE + f"SERVER.replies = [{', '.join(replies)}]\nchat({agent}, {', '.join(turns)}, shows={shown})\n"


def _calls(random: Random, *, is_react: bool) -> list[tuple[str, dict[str, object]]]:
    known: list[tuple[str, dict[str, object]]] = [
        ("plus", {"a": random.randint(-3, 3), "b": 2}),
        ("echo", {"a": random.randint(0, 9)}),
    ]
    if not is_react:
        known.append(("w", {"query": random.choice(("x", "茶"))}))
    return [random.choice(known) for _ in range(random.randint(1, 3))]

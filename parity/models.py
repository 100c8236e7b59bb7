"""Small programs about language models; see `corpus`. The model is played on this machine.

What the built-in prompts say is nobody's business here: only answers, counts of calls and the user's own texts
are compared.
"""

from __future__ import annotations

PRELUDE = """
import http.server, json, os, threading
os.environ.update(SSRF_PROTECT_ENABLED="false", NO_PROXY="*")
from openjiuwen.core.component.common.configs.model_config import ModelConfig
from openjiuwen.core.component.intent_detection_comp import IntentDetectionCompConfig, IntentDetectionComponent
from openjiuwen.core.component.llm_comp import LLMCompConfig, LLMComponent
from openjiuwen.core.component.questioner_comp import FieldInfo, QuestionerComponent, QuestionerConfig
from openjiuwen.core.context_engine.config import ContextEngineConfig
from openjiuwen.core.context_engine.engine import ContextEngine
from openjiuwen.core.utils.llm.base import BaseModelClient, BaseModelInfo
from openjiuwen.core.utils.llm.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from openjiuwen.core.utils.llm.messages_chunk import AIMessageChunk
from openjiuwen.core.utils.llm.model_utils.model_factory import ModelFactory

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        SERVER.asked.append(body)
        reply = SERVER.replies[min(len(SERVER.asked), len(SERVER.replies)) - 1]
        common = {"id": "x", "created": 1, "model": "m"}
        if isinstance(reply, int):
            self.send_response(reply); sent = b'{"error": {"message": "no"}}'
        elif body.get("stream"):
            self.send_response(200); self.send_header("Content-Type", "text/event-stream")
            chunks = [{**common, "object": "chat.completion.chunk",
                       "choices": [{"index": 0, "delta": {"content": part}, "finish_reason": None}]} for part in reply]
            sent = b"".join(b"data: " + json.dumps(c).encode() + b"\\n\\n" for c in chunks) + b"data: [DONE]\\n\\n"
        else:
            self.send_response(200); self.send_header("Content-Type", "application/json")
            choice = {"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}
            sent = json.dumps({**common, "object": "chat.completion", "choices": [choice],
                               "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}).encode()
        self.send_header("Content-Length", str(len(sent))); self.end_headers(); self.wfile.write(sent)
    def log_message(self, *a): pass

SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
SERVER.asked, SERVER.replies = [], ["hi"]
threading.Thread(target=SERVER.serve_forever, daemon=True).start()

def model(**more):
    given = {"model": "m", "api_key": "k", "api_base": f"http://127.0.0.1:{SERVER.server_port}/v1", **more}
    return ModelConfig("openai", BaseModelInfo(**given))

def loop(): asyncio.set_event_loop(asyncio.new_event_loop())  # openJiuwen wants one where a workflow is built

def flow_of(component, inputs=None, **end):
    loop()
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}", "x": "${x}"})
    flow.add_workflow_comp("c", component, inputs_schema=inputs or {"query": "${s.query}", "x": "${s.x}"})
    flow.set_end_comp("e", End(), inputs_schema={"o": "${c}"})
    flow.add_connection("s", "c"); flow.add_connection("c", "e")
    return flow

def config(kind="text", outputs=None, template=None, **more):
    return LLMCompConfig(model=more.pop("model", None) or model(), response_format={"type": kind, **more.pop("form", {})},
        template_content=[{"role": "user", "content": "{{query}}"}] if template is None else template,
        output_config={"o": {"type": "string"}} if outputs is None else outputs, **more)

def ask(component, given={"query": "q"}, replies=None, context=None):
    SERVER.asked.clear()
    if replies is not None: SERVER.replies = replies
    flow = flow_of(component)
    try: print(asyncio.run(flow.invoke(given, WorkflowRuntime(), context)).result["output"])
    except JiuWenBaseException as error: print("error", error.error_code)

def converse(component, turns, replies, empty=("question", "user_response")):
    SERVER.asked.clear(); SERVER.replies = replies
    flow, session = flow_of(component), uuid.uuid4().hex
    async def main():
        for turn in turns:
            try: output = await flow.invoke(turn, WorkflowRuntime(session_id=session))
            except JiuWenBaseException as error: print("error", error.error_code, len(SERVER.asked)); return
            if output.state is WorkflowExecutionState.COMPLETED:
                found = output.result["output"]["o"]
                print(sorted((k, v) for k, v in found.items() if v or k not in empty), len(SERVER.asked))
            else: print([(f.payload.id, f.index, f.payload.value) for f in output.result], len(SERVER.asked))
    asyncio.run(main())

def field(name, required=True, **more): return FieldInfo(field_name=name, description=name, required=required, **more)

def questioner(*fields, **more): return QuestionerComponent(QuestionerConfig(model=model(), field_names=[*fields], **more))
"""

_PROGRAMS = {
    "llm_text": """
for kind in ("text", "markdown"): ask(LLMComponent(config(kind)), replies=["# yes", None])
ask(LLMComponent(config()), replies=[None])
""",
    "llm_request": """
ask(LLMComponent(config(model=model(temperature=0.5, timeout=9, max_tokens=5))))
body = SERVER.asked[0]; print({k: body[k] for k in ("model", "temperature", "top_p", "max_tokens")}, sorted(body["messages"][0].items()))
""",
    "llm_slots": """
for text in ("{{query}}|{{ x }}", "{{城市}}", "{{nothing}}", "{query} ${query} {{{query}}}", "{{x}} {{x}}"):
    for x in (5, True, None, [1, {"a": "b"}], "text"):
        ask(LLMComponent(config(template=[{"role": "system", "content": text}, {"role": "user", "content": text}])),
            {"query": "q", "x": x})
        print([m["content"] for m in SERVER.asked[0]["messages"]])
""",
    "llm_instruction": """
for kind, name in (("markdown", "markdownInstruction"), ("json", "jsonInstruction")):
    outputs = {"o": {"type": "string", "description": "说明"}} if kind == "markdown" else {
        "o": {"type": "string", "description": "说明"}, "n": {"type": "array", "items": {"type": "integer"}, "required": False}}
    ask(LLMComponent(config(kind, outputs, form={name: "<${query}> ${json_schema}" if kind == "json" else "<${query}>"})),
        replies=['{"o": "x"}'])
    sent = SERVER.asked[0]["messages"][-1]["content"]; print(sent if kind == "markdown" else sent[:4])
""",
    "llm_json": """
for kind, reply in [("string", '"x"'), ("integer", "5"), ("number", "5"), ("number", "5.5"), ("boolean", "false"),
                    ("array", "[1, null]"), ("integer", "0"), ("string", '""')]:
    ask(LLMComponent(config("json", {"o": {"type": kind}})), replies=['{"o": %s, "more": 1}' % reply])
nested = {"o": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "required": False}}}}
ask(LLMComponent(config("json", nested)), replies=['```json\\n{"o": {"a": "x", "c": 1}}\\n```'])
ask(LLMComponent(config("json", {"o": {"type": "string", "required": False}})), replies=["{}"])
""",
    "llm_json_refused": """
for kind, reply in [("integer", "true"), ("integer", "1.0"), ("number", "true"), ("string", "null"), ("string", "5"),
                    ("array", "{}"), ("boolean", "1"), ("foo", "1")]:
    ask(LLMComponent(config("json", {"o": {"type": kind}})), replies=['{"o": %s}' % reply])
for reply in ("", "no", "[1]", "null", '{"x": 1}', 500): ask(LLMComponent(config("json")), replies=[reply])
ask(LLMComponent(config("json", {"o": {"type": "array", "items": {"type": "integer"}}})), replies=['{"o": [1, "x"]}'])
""",
    "llm_config": """
user = {"role": "user", "content": "q"}
for change in ({"template_content": []}, {"template_content": [{"role": "assistant", "content": "x"}]},
               {"template_content": [user, {"role": "system", "content": "x"}]},
               {"template_content": [{"role": "system", "content": 3}, user]},
               {"response_format": {}}, {"response_format": {"type": None}}, {"response_format": {"type": "JSON"}},
               {"output_config": {}}, {"output_config": {"a": {}, "b": {}}},
               {"response_format": {"type": "json"}, "output_config": {}},
               {"response_format": {"type": "json"}, "output_config": {"": {"type": "string"}}},
               {"response_format": {"type": "json"}, "output_config": {"a": "string"}},
               {"response_format": {"type": "json"}, "output_config": {"a": {"type": None}}}):
    whole = {"model": model(), "template_content": [user], "response_format": {"type": "text"},
             "output_config": {"o": {"type": "string"}}, **change}
    loop()
    attempt(lambda: Workflow().add_workflow_comp("c", LLMComponent(LLMCompConfig(**whole))) and "added")
for bad in (None, ModelConfig("nobody", model().model_info)): ask(LLMComponent(config(model=bad or 0) if bad else LLMCompConfig(
    template_content=[user], response_format={"type": "text"}, output_config={"o": {}})))
""",
    "llm_stream": """
async def frames(end, **schema):
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("c", LLMComponent(config()), inputs_schema={"query": "${s.query}"}, comp_ability=[ComponentAbility.STREAM])
    flow.set_end_comp("e", end, **schema)
    flow.add_connection("s", "c"); flow.add_stream_connection("c", "e")
    async for f in flow.stream({"query": "q"}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]): print(f.type, f.index, f.payload)
SERVER.replies = [["he", "", "llo"]]
given = {"stream_inputs_schema": {"o": "${c.o}"}}
for end in (lambda: End(), lambda: End({"responseTemplate": "A{{o}}B"})):
    asyncio.run(frames(end(), response_mode="streaming", **given))
    asyncio.run(frames(end(), **given))
""",
    "llm_history": """
context = ContextEngine("a", ContextEngineConfig()).get_workflow_context("w", "s")
context.batch_add_messages([{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}])
ask(LLMComponent(config(template=[{"role": "system", "content": "s"}, {"role": "user", "content": "{{query}}"}], enable_history=True)),
    replies=["R1"], context=context)
print([m["content"] for m in SERVER.asked[0]["messages"]])
print([(m.role, m.content) for m in context.get_messages()])
""",
    "questioner_straight": """
converse(questioner(field("a"), field("b")), [{"query": "q"}], ['{"a": "x", "b": 25}'])
converse(questioner(field("a", default_value="d"), field("b", False), field("c", False, default_value="e")), [{"query": "q"}], ["{}"])
converse(questioner(field("a")), [{"query": {"k": 1}}], ['{"a": {"n": [1]}, "more": 1}'])
""",
    "questioner_asks": """
turns = [{"query": "q"}, InteractiveInput("one"), InteractiveInput("two")]
converse(questioner(field("a"), field("b", cn_field_name="乙"), field("c", default_value="d")), turns, ["{}", '{"b": 2}', '{"a": 1}'])
answer = InteractiveInput(); answer.update("c", {"k": 1})
converse(questioner(field("a")), [{"query": "q"}, answer], ['{"a": ""}', '{"a": " "}'])
converse(questioner(field("a"), field("b", default_value="d")), turns, ["{}", '{"b": "said"}', '{"a": 1}'])
converse(questioner(field("a")), [{"query": "q"}, InteractiveInput(), InteractiveInput("x")], ['{"a": "NULL"}', '{"a": 1}'])
""",
    "questioner_limit": """
for most in (1, 2):
    turns = [{"query": "q"}, *(InteractiveInput(str(n)) for n in range(3))]
    converse(questioner(field("a"), max_response=most), turns, ["{}"])
""",
    "questioner_content": """
for content in ("plain?", "[{{x}}]", "{{x}}{{x}}"):
    converse(QuestionerComponent(QuestionerConfig(model=model(), question_content=content, extract_fields_from_response=False)),
             [{"query": "q", "x": 5}, InteractiveInput("yes")], ["hi"])
converse(questioner(field("a"), question_content="first?"), [{"query": "q"}, InteractiveInput("1"), InteractiveInput("2")],
         ["{}", '{"a": 1}'])
""",
    "questioner_errors": """
for component, given, reply in (
    (questioner(field("a")), {"query": 5}, "{}"), (questioner(field("a")), {"query": ["q"]}, "{}"),
    (questioner(field("a")), {"query": "q"}, "[1]"), (questioner(field("a")), {"query": "q"}, "null"),
    (questioner(field("a")), {"query": "q"}, 500),
    (QuestionerComponent(QuestionerConfig(model=model(), extract_fields_from_response=False)), {"query": "q"}, "{}")):
    converse(component, [given], [reply])
for change in ({"response_type": "x"}, {"field_names": []}, {"field_names": [field("")]}, {"max_response": 0}):
    whole = {"model": model(), "field_names": [field("a")], **change}
    loop()
    attempt(lambda: Workflow().add_workflow_comp("c", QuestionerComponent(QuestionerConfig(**whole))) and "added")
loop()
nobody = QuestionerConfig(model=ModelConfig("nobody", model().model_info), field_names=[field("a")])
attempt(lambda: Workflow().add_workflow_comp("c", QuestionerComponent(nobody)) and "added")
""",
    "questioner_state_in_a_cycle": """
converse(questioner(field("a")), [{"query": "q"}, InteractiveInput("x")], ["{}", '{"a": 1}'])
converse(questioner(field("a")), [{"query": "q"}, InteractiveInput("x")], ["{}", '{"a": 1}'])
""",
    "intent": """
def intent(*names):
    component = IntentDetectionComponent(IntentDetectionCompConfig(category_name_list=[*names], model=model()))
    component.add_branch("${c.classification_id} >= 0", "e")
    return component
for reply in ('{"class": "分类2", "reason": "r"}', '{"class": "分类1"}', '{"class": "分类0", "reason": "none"}',
              "It is {'class': '分类2', 'reason': 'r'}.", '{"class": "分类 1 ：x", "reason": "r"}',
              '```json\\n{"class": "分类1", "reason": "r"}\\n```'):
    ask(intent("查天气", "查股票"), replies=[reply])
for given, reply in (({"query": 5}, "{}"), ({}, "{}"), ({"query": "q"}, 500)):
    ask(intent("a"), given, [reply])
""",
    "intent_defaults": """
def show(reply):
    component = IntentDetectionComponent(IntentDetectionCompConfig(category_name_list=["a"], model=model()))
    component.add_branch("", ["e"])
    SERVER.replies = [reply]
    found = asyncio.run(flow_of(component).invoke({"query": "q"}, WorkflowRuntime())).result["output"]["o"]
    print(found["classification_id"], found["category_name"], bool(found.get("reason")))
for reply in ('{"class": "分类9"}', '{"class": "a"}', '{"reason": "r"}', "no", "", '{"class": "分类1"} {"class": "分类0"}', "[1]"):
    show(reply)
""",
    "intent_branches": """
component = IntentDetectionComponent(IntentDetectionCompConfig(category_name_list=["a"], model=model()))
for condition, target in (("", "e"), ("true", []), (None, "e"), ("true", None), (3, "e")):
    attempt(lambda: component.add_branch(condition, target) or "added")
""",
    "models_registry": """
print(sorted(ModelFactory().model_map))
for name in ("OpenAI", "nobody", ""): attempt(lambda: type(ModelFactory().get_model(name, "k", "b")) and "made")
class Mine(BaseModelClient):
    def __init__(self, **given): print(sorted(given.items())); super().__init__(given["api_key"], given["api_base"])
    async def _ainvoke(self, model_name, messages, **more): print(model_name, messages, sorted(more.items())); return AIMessage(content="mine")
    def model_provider(self): return "mine"
ModelFactory().model_map["mine"] = Mine
ask(LLMComponent(config(model=ModelConfig("Mine", BaseModelInfo(model="m", api_key="k", api_base="b", extra=1)))))
""",
    "models_info": """
for given in ({}, {"api_key": ""}, {"timeout": 0}, {"timeout": "30"}, {"timeout": 1.5}, {"temperature": "hot"}):
    try: info = BaseModelInfo(**{"api_key": "k", "api_base": "b", **given}); print(info.timeout, info.temperature, info.top_p, info.streaming)
    except ValueError: print("refused")
""",
    "messages": """
print(repr(HumanMessage(content="x")), repr(SystemMessage(content="y", name="n")), repr(ToolMessage(content="t", tool_call_id="1")))
call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
print(repr(AIMessage(content="a", tool_calls=[call])))
print(repr(AIMessageChunk(content="a") + AIMessageChunk(content="b")))
for given in ("x", {"content": "x"}):
    try: BaseMessage.model_validate(given); print("made")
    except ValueError: print("refused")
""",
    "context": """
for length in (0, 1, 2, 3, 60):
    context = ContextEngine(uuid.uuid4().hex, ContextEngineConfig(conversation_history_length=length)).get_agent_context("s")
    for n in range(7): context.add_message(HumanMessage(content=str(n)), tags={"n": str(n % 2)})
    print([m.content for m in context.get_messages()], [m.content for m in context.get_messages(2)], context.get_messages(0))
    print([m.content for m in context.get_messages(tags={"n": "1"})], getattr(context.get_latest_message("user"), "content", None))
    print([type(m).__name__ for m in context.get_messages(1)], context.get_latest_message("system"))
engine = ContextEngine(uuid.uuid4().hex, ContextEngineConfig())
engine.get_agent_context("s").add_message({"role": "user", "content": "x"})
engine.get_workflow_context("w", "s").add_message({"role": "user", "content": "y"})
print(engine.get_agent_context("s").get_messages(), engine.get_workflow_context("v", "s").get_messages())
engine.clear_context("s"); print(engine.get_agent_context("s").get_messages(), engine.get_workflow_context("w", "s").get_messages())
context = ContextEngine(uuid.uuid4().hex, ContextEngineConfig(conversation_history_length=500)).get_agent_context("s")
for n in range(130): context.add_message({"role": "user", "content": str(n)})
print(len(context.get_messages()), len(context.get_messages(120)))
""",
    "differs_llm_template": """
ask(LLMComponent(config(template=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}])))
print(len(SERVER.asked[0]["messages"]))
""",
    "differs_llm_prose": "ask(LLMComponent(config('json')), replies=['Sure: {\"o\": \"x\"}'])",
    "differs_questioner_output": "converse(questioner(field('a')), [{'query': 'q'}], ['{\"a\": 1}'], ())",
    "differs_questioner_none": """
converse(QuestionerComponent(QuestionerConfig(model=model(), question_content="[{{nothing}}]", extract_fields_from_response=False)),
         [{"query": "q"}], ["hi"])
""",
    "differs_intent_number": """
component = IntentDetectionComponent(IntentDetectionCompConfig(category_name_list=["a"], model=model()))
component.add_branch("", "e")
ask(component, replies=['{"class": 1}'])
""",
    "differs_model_repr": "print(repr(model().model_info).replace(str(SERVER.server_port), ''))",
}

PROGRAMS = {name: PRELUDE + body for name, body in _PROGRAMS.items()}

INTENDED = {
    "llm_json_refused": "JSON that a model wraps in prose, cuts or mistypes is an error",
    "intent_defaults": "a category's name is the default category",
    "differs_llm_template": "a model sees the system's messages and the first of the user's",
    "differs_llm_prose": "JSON that a model wraps in prose, cuts or mistypes is an error",
    "differs_questioner_output": "a questioner's output lacks `question` and `user_response`",
    "differs_questioner_none": "an unknown name in a question of one's own is the word None",
    "differs_intent_number": 'a reply such as `{"class": 1}` breaks an intent detection',
    "differs_model_repr": "`repr` of a `BaseModelInfo` shows the key",
}

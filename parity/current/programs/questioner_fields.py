import asyncio

from shared import *
from openjiuwen.core.session import InteractiveInput
from openjiuwen.core.workflow import FieldInfo, QuestionerComponent, QuestionerConfig, create_workflow_session


async def main():
    url, _ = service(lambda messages: '{"town": "Oslo", "days": "4"}' if "Oslo" in str(messages) else "{}")
    fields = [
        FieldInfo(field_name="town", description="the town", required=True),
        FieldInfo(field_name="days", description="days", type="integer", cn_field_name="天数", required=True),
        FieldInfo(field_name="hotel", description="hotel", default_value="any"),
    ]
    for language in ("zh", "en"):
        config = QuestionerConfig(**model_at(url), field_names=fields, accept_language=language)
        flow = flow_of(("ask", QuestionerComponent(config), {"query": "${in.x}"}), end={"all": "${ask}"})
        out = await flow.invoke({"x": "hello"}, create_workflow_session(session_id=language))
        show(out)
        show(await flow.invoke(InteractiveInput("Oslo, 4"), create_workflow_session(session_id=language)))


asyncio.run(main())

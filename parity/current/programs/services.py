import asyncio

from shared import *
import os

os.environ["SSRF_PROTECT_ENABLED"] = "false"
from openjiuwen.core.foundation.tool import RestfulApi, RestfulApiCard
from openjiuwen.core.workflow import (
    HttpAuthConfig,
    HttpAuthType,
    HttpComponentConfig,
    HTTPRequestComponent,
    HttpRequestBodyConfig,
    HttpRequestParamConfig,
    HttpResponseFormat,
    HttpResponseHandlingConfig,
    HttpRetryConfig,
    create_workflow_session,
)


async def main():
    url, _ = service()
    params = {"type": "object", "properties": {"q": {"type": "string", "description": "q"}}, "required": ["q"]}
    for method in ("GET", "POST"):
        api = RestfulApi(
            card=RestfulApiCard(name="api", description="d", url=url + "/api", method=method, input_params=params)
        )
        answer = await api.invoke({"q": "tea"})
        show(
            list(answer),
            answer["code"],
            answer["data"]["path"],
            answer["data"]["body"].replace(" ", ""),
            answer["message"],
        )
    json = HttpResponseHandlingConfig(response_format=HttpResponseFormat.JSON)
    for options in (
        {"url": url + "/{{x}}/a", "query_parameters": {"q": "{{x}}"}, "response_handling": json},
        {"url": url + "/-404"},
        {"url": url + "/-503", "retry_config": HttpRetryConfig(enabled=True, max_retries=1, retry_delay=1)},
        {"url": url + "/k", "authentication": HttpAuthConfig(type=HttpAuthType.API_KEY, api_key="s", name="X-Key")},
        {
            "url": url + "/b",
            "method": "PUT",
            "body": HttpRequestBodyConfig(json_data={"n": 1}),
            "response_handling": HttpResponseHandlingConfig(
                response_format=HttpResponseFormat.JSON, response_data_property="method"
            ),
        },
        {"url": url + "/e", "response_handling": HttpResponseHandlingConfig(response_mode="on-error")},
    ):
        config = HttpComponentConfig(request_params=HttpRequestParamConfig(**options))
        flow = flow_of(("http", HTTPRequestComponent(config), {"x": "${in.x}"}), end={"all": "${http}"})
        got = (await flow.invoke({"x": "v"}, create_workflow_session())).result["output"]["all"]
        show({key: str(value).replace(url, "URL") for key, value in got.items() if key != "headers"})


asyncio.run(main())

"""Answers of a type: `interact(value, schema=…)`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field

from jiuwen_lg import InteractiveInput, JiuWenBaseException, Workflow
from tests.flows import Ask, asked, chain, parallel, turn


class Trip(BaseModel):
    city: str
    days: int = Field(ge=1)


def flow(schema: Any, *more: Any) -> Workflow:
    async def ask(inputs: Any, runtime: Any) -> Any:
        answer = await runtime.interact("?", schema=schema)
        rest = [await runtime.interact("more?", schema=one) for one in more]
        return {"type": type(answer).__name__, "answer": answer, "rest": rest}

    return chain(("ask", ask), id="w")


async def answer(flow: Workflow, given: Any) -> Any:
    return (await turn(flow, given)).result["output"]["ask"]["answer"]


class TestWorkflow:
    @pytest.mark.parametrize(
        ("schema", "bad", "reason", "good", "kind"),
        [
            (int, "five", "'five' is not of type 'integer'", 5, "int"),
            (Literal["yes", "no"], "maybe", "'maybe' is not one of", "yes", "str"),
            (list[int], [1, "x"], r"at \$\[1\]: 'x' is not of type 'integer'", [1, 2], "list"),
            (
                Trip,
                {"city": "杭州", "days": 0},
                r"at \$.days: 0 is less than the minimum of 1",
                {"city": "杭州", "days": 2},
                "Trip",
            ),
            (Trip, {"days": 1}, "'city' is a required property", Trip(city="杭州", days=1), "Trip"),
            ({"type": "string", "maxLength": 3}, "long", "'long' is too long", "abc", "str"),
        ],
    )
    async def test_one_that_does_not_fit_is_refused_and_the_question_stays(
        self, schema: Any, bad: Any, reason: str, good: Any, kind: str
    ) -> None:
        await turn(flow(schema), {"q": 1})
        before = await flow(schema).snapshot("s")
        for given in (InteractiveInput(bad), InteractiveInput().update("ask", bad)):
            with pytest.raises(JiuWenBaseException, match=reason) as error:
                await turn(flow(schema), given)
            assert error.value.error_code == 100000
        assert await flow(schema).snapshot("s") == before
        done = (await turn(flow(schema), InteractiveInput(good))).result["output"]["ask"]
        assert done["type"] == kind

    async def test_the_question_tells_its_schema(self) -> None:
        output = await turn(flow(Trip), {"q": 1})
        assert output.result[0].payload.answer_schema == Trip.model_json_schema()
        (pending,) = await flow(Trip).pending()
        assert pending.output.answer_schema == Trip.model_json_schema()
        assert repr(output.result[0].payload) == "InteractionOutput(id='ask', value='?')"

    async def test_each_question_has_its_own(self) -> None:
        two = flow(int, Literal["a", "b"])
        await turn(two, {"q": 1})
        assert asked(await turn(two, InteractiveInput(5))) == [("ask", 1, "more?")]
        with pytest.raises(JiuWenBaseException):
            await turn(two, InteractiveInput(5))
        assert await answer(two, InteractiveInput("a")) == 5

    async def test_an_answer_kept_for_later_is_asked_for_again_if_it_does_not_fit(self) -> None:
        """It was given before the component asked, so nobody knew."""
        waits = chain(("first", _ask), ("ask", _ask_for_a_number), id="w")
        await turn(waits, {"q": 1})
        output = await turn(waits, InteractiveInput().update("first", "x").update("ask", "five"))
        assert asked(output) == [("ask", 1, "number?")]
        assert "valid integer" in str(output.result[0].payload.error)
        assert (await turn(waits, InteractiveInput(5))).result["output"]["ask"] == 5


async def _ask(inputs: Any, runtime: Any) -> Any:
    return await runtime.interact("?")


async def _ask_for_a_number(inputs: Any, runtime: Any) -> Any:
    return await runtime.interact("number?", schema=int)


class TestGraph:
    @pytest.mark.parametrize("schema", [int, {"type": "integer"}])
    async def test_one_that_does_not_fit_is_asked_for_again_with_the_reason(self, schema: Any) -> None:
        graph = flow(schema).compile(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        (question,) = (await graph.ainvoke({"inputs": {"q": 1}}, config))["__interrupt__"]
        assert question.value["schema"] == {"type": "integer"}
        (again,) = (await graph.ainvoke(Command(resume="five"), config))["__interrupt__"]
        assert "integer" in again.value["error"]
        done = await graph.ainvoke(Command(resume=5), config)
        assert done["result"]["output"]["ask"]["answer"] == 5


class Priced(BaseModel):
    model_config = ConfigDict(extra="forbid")
    net: int
    hidden: int = Field(default=0, exclude=True)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def gross(self) -> int:
        return self.net * 2


class TestWhatIsHardToTell:
    @pytest.mark.parametrize(
        ("schema", "bad"),
        [
            (date, "tomorrow"),
            ({"type": "string", "format": "date"}, "nope"),
            (int, object()),
            (str, b"\xff"),
        ],
        ids=["date", "format", "object", "bytes"],
    )
    async def test_it_is_refused_at_once(self, schema: Any, bad: Any) -> None:
        await turn(flow(schema), {"q": 1})
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow(schema), InteractiveInput(bad))
        assert error.value.error_code == 100000
        assert asked(await turn(flow(schema), InteractiveInput())) == [("ask", 0, "?")]

    async def test_a_date_is_one(self) -> None:
        await turn(flow(date), {"q": 1})
        assert await answer(flow(date), InteractiveInput("2026-11-20")) == date(2026, 11, 20)

    async def test_an_instance_fits_its_own_type(self) -> None:
        await turn(flow(Priced), {"q": 1})
        assert await answer(flow(Priced), InteractiveInput(Priced(net=5))) == Priced(net=5)

    async def test_a_schema_that_is_none_fails_where_it_is_given(self) -> None:
        with pytest.raises(JiuWenBaseException, match="no JSON schema") as error:
            await turn(flow({"type": "strin"}), {"q": 1})
        assert error.value.error_code == 100005

    async def test_what_only_the_type_knows_is_asked_again(self) -> None:
        even = Annotated[int, AfterValidator(_require_even)]
        await turn(flow(even), {"q": 1})
        (again,) = (await turn(flow(even), InteractiveInput(3))).result
        assert (again.payload.value, "odd" in again.payload.error) == ("?", True)
        assert await answer(flow(even), InteractiveInput(4)) == 4


def _require_even(number: int) -> int:
    if number % 2:
        raise ValueError("it is odd")
    return number


class TestReplyTo:
    async def test_a_whole_output_with_one_question(self) -> None:
        paused = await turn(flow(int), {"q": 1})
        done = await turn(flow(int), InteractiveInput.reply_to(paused, 5))
        assert done.result["output"]["ask"]["answer"] == 5
        twice = await turn(flow(int), InteractiveInput.reply_to(paused, 6))
        assert twice == done
        with pytest.raises(JiuWenBaseException, match="holds no question") as error:
            InteractiveInput.reply_to(done, 5)
        assert error.value.error_code == 100900

    async def test_a_whole_output_with_several(self) -> None:
        both = parallel(("a", Ask("?")), ("b", Ask("?")), id="both")
        paused = await turn(both, {"q": 1})
        with pytest.raises(JiuWenBaseException, match=r"'a', 'b'") as error:
            InteractiveInput.reply_to(paused, "x")
        assert error.value.error_code == 100902

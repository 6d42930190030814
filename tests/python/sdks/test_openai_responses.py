"""The official `openai` SDK on /v1/responses."""

import json

import pytest
from openai import AsyncOpenAI, OpenAI

from sdks.gateway import ARGUMENTS, ECHO, HELLO, PNG, THOUGHT, TIMEOUT, TOOL_ECHO, TOOL_RESULT, TOOLS, TRIP, URL
from sdks.gateway import WEATHER, Trip

OPTIONS = {"base_url": f"{URL}/v1", "api_key": "sk-test", "max_retries": 0, "timeout": TIMEOUT}
OFFER = [
    {"type": "function", "name": name, "description": about, "parameters": WEATHER, "strict": True}
    for name, about in TOOLS.items()
]


@pytest.fixture(scope="module")
def client():
    with OpenAI(**OPTIONS) as client:
        yield client


def streamed(client, **request):
    """The final response, put together by the SDK, and the types of the events that it was made of."""
    types = []
    with client.responses.stream(**request) as stream:
        types.extend(event.type for event in stream)
        return stream.get_final_response(), types


def calls_of(response):
    return [item for item in response.output if item.type == "function_call"]


def results(calls):
    return [{"type": "function_call_output", "call_id": call.call_id, "output": TOOL_RESULT} for call in calls]


def replay(calls):
    """The calls as a client sends them back."""
    fields = {"type", "call_id", "name", "arguments"}
    return [call.model_dump(include=fields) for call in calls]


def test_plain(client, model):
    answer = client.responses.create(model=model("text"), input=HELLO)
    assert (answer.object, answer.status, answer.output_text) == ("response", "completed", ECHO)
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (20, 10, 30)


def test_streamed(client, model):
    answer, types = streamed(client, model=model("text"), input=HELLO)
    assert (answer.status, answer.output_text) == ("completed", ECHO)
    assert types[0] == "response.created"
    assert types[-1] == "response.completed"
    assert types.count("response.output_text.delta") > 1
    assert answer.usage.output_tokens == 10


def test_sequence_numbers_count_up(client, model):
    stream = client.responses.create(model=model("text"), input=HELLO, stream=True)
    numbers = [event.sequence_number for event in stream]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_cached_tokens(client, model):
    usage = client.responses.create(model=model("text~cached-5"), input=HELLO).usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens) == (20, 5)
    usage = streamed(client, model=model("text~cached-5"), input=HELLO)[0].usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens) == (20, 5)


def test_instructions(client, model):
    assert client.responses.create(model=model("text"), input=HELLO, instructions="Be brief.").output_text == ECHO
    items = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": HELLO}]
    assert client.responses.create(model=model("text"), input=items).output_text == ECHO


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("script", "count"), [("tool", 1), ("tools2", 2)])
def test_tool_loop(client, model, script, count, stream):
    request = {"model": model(script), "input": [{"role": "user", "content": HELLO}], "tools": OFFER}
    answer = streamed(client, **request)[0] if stream else client.responses.create(**request)
    calls = calls_of(answer)
    assert [call.name for call in calls] == list(TOOLS)[:count]
    assert [json.loads(call.arguments) for call in calls] == [ARGUMENTS] * count
    assert len({call.call_id for call in calls}) == count
    request["input"] += [*replay(calls), *results(calls)]
    answer = streamed(client, **request)[0] if stream else client.responses.create(**request)
    assert answer.output_text.startswith(TOOL_ECHO)
    assert answer.output_text.count(TOOL_RESULT) == count


def test_forced_tool(client, model):
    choice = {"type": "function", "name": "get_time"}
    answer = client.responses.create(model=model("tool"), input=HELLO, tools=OFFER, tool_choice=choice)
    assert [call.name for call in calls_of(answer)] == ["get_time"]


def test_structured(client, model):
    assert client.responses.parse(model=model("json"), input=HELLO, text_format=Trip).output_parsed == TRIP
    assert streamed(client, model=model("json"), input=HELLO, text_format=Trip)[0].output_parsed == TRIP


def test_image(client, model):
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
    content = [{"type": "input_text", "text": HELLO}, image]
    answer = client.responses.create(model=model("text"), input=[{"role": "user", "content": content}])
    assert answer.output_text == f"{ECHO} [image]"


def thoughts(response):
    items = [item for item in response.output if item.type == "reasoning"]
    return "".join(part.text for item in items for part in [*item.summary, *(item.content or [])])


def test_reasoning(client, model):
    request = {"model": model("reasoning"), "input": HELLO, "reasoning": {"effort": "low", "summary": "auto"}}
    for answer in (client.responses.create(**request), streamed(client, **request)[0]):
        assert answer.output_text == ECHO
        assert thoughts(answer) == THOUGHT


def test_length(client, model):
    answer = client.responses.create(model=model("text~incomplete"), input=HELLO)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    events = list(client.responses.create(model=model("text~incomplete"), input=HELLO, stream=True))
    assert events[-1].type == "response.incomplete"


async def test_async(model):
    async with AsyncOpenAI(**OPTIONS) as client:
        assert (await client.responses.create(model=model("text"), input=HELLO)).output_text == ECHO
        async with client.responses.stream(model=model("text"), input=HELLO) as stream:
            assert (await stream.get_final_response()).output_text == ECHO

"""The official `openai` SDK on /v1/chat/completions, and the smaller endpoints beside it."""

import json

import pytest
from openai import AsyncOpenAI, OpenAI

from sdks.gateway import ARGUMENTS, ECHO, HELLO, PNG, THOUGHT, TIMEOUT, TOOL_ECHO, TOOL_RESULT, TOOLS, TRIP, URL
from sdks.gateway import WEATHER, Trip

OPTIONS = {"base_url": f"{URL}/v1", "api_key": "sk-test", "max_retries": 0, "timeout": TIMEOUT}
MESSAGES = [{"role": "user", "content": HELLO}]
OFFER = [
    {"type": "function", "function": {"name": name, "description": about, "parameters": WEATHER}}
    for name, about in TOOLS.items()
]


@pytest.fixture(scope="module")
def client():
    with OpenAI(**OPTIONS) as client:
        yield client


def streamed(client, **request):
    """The final completion, put together by the SDK, and the chunks that it was made of."""
    chunks = []
    with client.chat.completions.stream(**request) as stream:
        chunks.extend(event.chunk for event in stream if event.type == "chunk")
        return stream.get_final_completion(), chunks


def answers(message):
    """One tool result for each call of a message."""
    return [{"role": "tool", "tool_call_id": call.id, "content": TOOL_RESULT} for call in message.tool_calls]


def test_plain(client, model):
    answer = client.chat.completions.create(model=model("text"), messages=MESSAGES)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content == ECHO
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (20, 10, 30)


def test_streamed(client, model):
    answer, chunks = streamed(client, model=model("text"), messages=MESSAGES)
    assert answer.choices[0].message.content == ECHO
    assert answer.choices[0].finish_reason == "stop"
    assert sum(bool(chunk.choices and chunk.choices[0].delta.content) for chunk in chunks) > 1
    assert len({chunk.id for chunk in chunks}) == 1


def test_streamed_usage_only_when_asked_for(client, model):
    request = {"model": model("text~cached-5"), "messages": MESSAGES, "stream": True}
    assert all(chunk.usage is None for chunk in client.chat.completions.create(**request))
    asked = client.chat.completions.create(**request, stream_options={"include_usage": True})
    usages = [chunk.usage for chunk in asked if chunk.usage]
    assert len(usages) == 1
    assert (usages[0].prompt_tokens, usages[0].completion_tokens) == (20, 10)
    assert usages[0].prompt_tokens_details.cached_tokens == 5


def test_cached_tokens(client, model):
    usage = client.chat.completions.create(model=model("text~cached-5"), messages=MESSAGES).usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (20, 5)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions(client, model, role):
    messages = [{"role": role, "content": "Be brief."}, *MESSAGES]
    assert client.chat.completions.create(model=model("text"), messages=messages).choices[0].message.content == ECHO


def test_conversation(client, model):
    messages = [*MESSAGES, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Again"}]
    answer = client.chat.completions.create(model=model("text"), messages=messages)
    assert answer.choices[0].message.content == "You said: Again"


def test_tool_loop(client, model):
    request = {"model": model("tool"), "messages": MESSAGES, "tools": OFFER}
    choice = client.chat.completions.create(**request).choices[0]
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", ARGUMENTS)
    request["messages"] = [*MESSAGES, choice.message, *answers(choice.message)]
    assert client.chat.completions.create(**request).choices[0].message.content == TOOL_ECHO


def test_tool_loop_streamed(client, model):
    request = {"model": model("tool"), "messages": MESSAGES, "tools": OFFER}
    choice = streamed(client, **request)[0].choices[0]
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", ARGUMENTS)
    call = {"id": call.id, "type": "function", "function": call.function.model_dump(include={"name", "arguments"})}
    turn = {"role": "assistant", "tool_calls": [call]}
    request["messages"] = [*MESSAGES, turn, *answers(choice.message)]
    assert streamed(client, **request)[0].choices[0].message.content == TOOL_ECHO


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_parallel_tools(client, model, stream):
    request = {"model": model("tools2"), "messages": MESSAGES, "tools": OFFER}
    answer = streamed(client, **request)[0] if stream else client.chat.completions.create(**request)
    calls = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == list(TOOLS)
    assert [json.loads(call.function.arguments) for call in calls] == [ARGUMENTS, ARGUMENTS]
    assert len({call.id for call in calls}) == 2
    turn = {"role": "assistant", "content": None, "tool_calls": [call.to_dict() for call in calls]}
    for call in turn["tool_calls"]:
        call.pop("index", None)
        call["function"].pop("parsed_arguments", None)
    request["messages"] = [*MESSAGES, turn, *answers(answer.choices[0].message)]
    said = client.chat.completions.create(**request).choices[0].message.content
    assert said.startswith(TOOL_ECHO) and said.count(TOOL_RESULT) == 2


def test_forced_tool(client, model):
    choice = {"type": "function", "function": {"name": "get_time"}}
    request = {"model": model("tool"), "messages": MESSAGES, "tools": OFFER, "tool_choice": choice}
    [call] = client.chat.completions.create(**request).choices[0].message.tool_calls
    assert call.function.name == "get_time"


def test_no_tool(client, model):
    request = {"model": model("tool"), "messages": MESSAGES, "tools": OFFER, "tool_choice": "none"}
    assert client.chat.completions.create(**request).choices[0].message.content == ECHO


def test_structured(client, model):
    request = {"model": model("json"), "messages": MESSAGES, "response_format": Trip}
    assert client.chat.completions.parse(**request).choices[0].message.parsed == TRIP
    assert streamed(client, **request)[0].choices[0].message.parsed == TRIP


def test_image(client, model):
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": HELLO}, image]}]
    answer = client.chat.completions.create(model=model("text"), messages=messages)
    assert answer.choices[0].message.content == f"{ECHO} [image]"


def test_reasoning(client, model):
    request = {"model": model("reasoning"), "messages": MESSAGES, "reasoning_effort": "low"}
    answer = client.chat.completions.create(**request)
    assert answer.choices[0].message.content == ECHO
    assert answer.choices[0].message.reasoning_content == THOUGHT
    deltas = [chunk.choices[0].delta for chunk in client.chat.completions.create(**request, stream=True) if chunk.choices]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == THOUGHT
    assert "".join(delta.content or "" for delta in deltas) == ECHO


def test_length(client, model):
    request = {"model": model("text~incomplete"), "messages": MESSAGES}
    assert client.chat.completions.create(**request).choices[0].finish_reason == "length"
    chunks = list(client.chat.completions.create(**request, stream=True))
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["length"]


async def test_async(model):
    async with AsyncOpenAI(**OPTIONS) as client:
        answer = await client.chat.completions.create(model=model("text"), messages=MESSAGES)
        assert answer.choices[0].message.content == ECHO
        stream = await client.chat.completions.create(model=model("text"), messages=MESSAGES, stream=True)
        said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert "".join(said) == ECHO


def test_request_id(client, model):
    raw = client.chat.completions.with_raw_response.create(model=model("text"), messages=MESSAGES)
    assert raw.headers["x-request-id"]


def test_legacy_completions(client):
    answer = client.completions.create(model="fake-chat/text", prompt=HELLO)
    assert answer.choices[0].text.strip() == ECHO
    stream = client.completions.create(model="fake-chat/text", prompt=HELLO, stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream if chunk.choices).strip() == ECHO


def test_embeddings(client):
    answer = client.embeddings.create(model="fake-chat/text-embedding-3-small", input=["one", "two"])
    assert len(answer.data) == 2
    assert len(answer.data[0].embedding) == len(answer.data[1].embedding) > 0

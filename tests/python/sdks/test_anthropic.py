"""The official `anthropic` SDK on /v1/messages."""

import pytest
from anthropic import Anthropic, AsyncAnthropic

from sdks.gateway import ARGUMENTS, ECHO, HELLO, PNG, THOUGHT, TIMEOUT, TOOL_ECHO, TOOL_RESULT, TOOLS, TRIP, URL
from sdks.gateway import WEATHER, Trip

OPTIONS = {"base_url": URL, "api_key": "sk-test", "max_retries": 0, "timeout": TIMEOUT}
USER = {"role": "user", "content": HELLO}
REQUEST = {"max_tokens": 2048, "messages": [USER]}
OFFER = [{"name": name, "description": about, "input_schema": WEATHER} for name, about in TOOLS.items()]
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(scope="module")
def client():
    with Anthropic(**OPTIONS) as client:
        yield client


def streamed(client, **request):
    """The final message, put together by the SDK, and the types of the raw events that it was made of."""
    raw = {"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"}
    types = []
    with client.messages.stream(**request) as stream:
        types.extend(event.type for event in stream if event.type in raw | {"message_stop"})
        return stream.get_final_message(), types


def create(client, stream, **request):
    return streamed(client, **request)[0] if stream else client.messages.create(**request)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls_of(message):
    return [block for block in message.content if block.type == "tool_use"]


def results(calls):
    blocks = [{"type": "tool_result", "tool_use_id": call.id, "content": TOOL_RESULT} for call in calls]
    return {"role": "user", "content": blocks}


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


def test_plain(client, model):
    answer = client.messages.create(model=model("text"), **REQUEST)
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert text_of(answer) == ECHO
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 10)


def test_streamed(client, model):
    answer, types = streamed(client, model=model("text"), **REQUEST)
    assert (text_of(answer), answer.stop_reason) == (ECHO, "end_turn")
    assert types[0] == "message_start"
    assert types[-2:] == ["message_delta", "message_stop"]
    assert types.count("content_block_delta") > 1
    assert types.count("content_block_start") == types.count("content_block_stop") == 1
    assert answer.usage.output_tokens == 10


@both_ways
def test_cached_tokens_are_not_input_tokens(client, model, stream):
    usage = create(client, stream, model=model("text~cached-5"), **REQUEST).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (15, 5, 10)


def test_system(client, model):
    assert text_of(client.messages.create(model=model("text"), system="Be brief.", **REQUEST)) == ECHO
    blocks = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert text_of(client.messages.create(model=model("text"), system=blocks, **REQUEST)) == ECHO


@both_ways
@pytest.mark.parametrize(("script", "count"), [("tool", 1), ("tools2", 2)])
def test_tool_loop(client, model, script, count, stream):
    request = {"model": model(script), "tools": OFFER, **REQUEST}
    answer = create(client, stream, **request)
    calls = calls_of(answer)
    assert answer.stop_reason == "tool_use"
    assert [call.name for call in calls] == list(TOOLS)[:count]
    assert [call.input for call in calls] == [ARGUMENTS] * count
    assert len({call.id for call in calls}) == count
    request["messages"] = [USER, {"role": "assistant", "content": answer.content}, results(calls)]
    said = text_of(create(client, stream, **request))
    assert said.startswith(TOOL_ECHO) and said.count(TOOL_RESULT) == count


def test_forced_tool(client, model):
    choice = {"type": "tool", "name": "get_time"}
    answer = client.messages.create(model=model("tool"), tools=OFFER, tool_choice=choice, **REQUEST)
    assert [call.name for call in calls_of(answer)] == ["get_time"]


def test_no_tool(client, model):
    answer = client.messages.create(model=model("tool"), tools=OFFER, tool_choice={"type": "none"}, **REQUEST)
    assert text_of(answer) == ECHO


def test_structured(client, model):
    assert client.messages.parse(model=model("json"), output_format=Trip, **REQUEST).parsed_output == TRIP
    with client.messages.stream(model=model("json"), output_format=Trip, **REQUEST) as stream:
        assert stream.get_final_message().parsed_output == TRIP


def test_image(client, model):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    messages = [{"role": "user", "content": [{"type": "text", "text": HELLO}, image]}]
    answer = client.messages.create(model=model("text"), max_tokens=100, messages=messages)
    assert text_of(answer) == f"{ECHO} [image]"


@both_ways
def test_thinking(client, model, stream):
    answer = create(client, stream, model=model("reasoning"), thinking=THINKING, **REQUEST)
    # Gemini seals its text: that seal comes as a thinking block without a thought.
    blocks = [block for block in answer.content if block.type != "thinking" or block.thinking]
    assert [block.type for block in blocks] == ["thinking", "text"]
    assert answer.content[0].thinking == THOUGHT
    assert text_of(answer) == ECHO


@both_ways
def test_signed_thinking_goes_back_with_the_tool_result(client, model, stream):
    request = {"model": model("tool~signed"), "tools": OFFER, "thinking": THINKING, **REQUEST}
    answer = create(client, stream, **request)
    assert [block.type for block in answer.content] == ["thinking", "tool_use"]
    request["messages"] = [USER, {"role": "assistant", "content": answer.content}, results(calls_of(answer))]
    assert text_of(create(client, stream, **request)) == TOOL_ECHO


@both_ways
def test_length(client, model, stream):
    assert create(client, stream, model=model("text~incomplete"), **REQUEST).stop_reason == "max_tokens"


async def test_async(model):
    async with AsyncAnthropic(**OPTIONS) as client:
        assert text_of(await client.messages.create(model=model("text"), **REQUEST)) == ECHO
        async with client.messages.stream(model=model("text"), **REQUEST) as stream:
            assert text_of(await stream.get_final_message()) == ECHO


def test_request_id(client, model):
    assert client.messages.create(model=model("text"), **REQUEST)._request_id


def test_count_tokens(client):
    assert client.messages.count_tokens(model="fake-anthropic/text", messages=[USER]).input_tokens > 0

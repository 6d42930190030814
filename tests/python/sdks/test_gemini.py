"""The official `google-genai` SDK on :generateContent and :streamGenerateContent."""

import base64

import pytest
from google import genai
from google.genai import types

from sdks.gateway import ARGUMENTS, ECHO, HELLO, PNG, THOUGHT, TIMEOUT, TOOL_ECHO, TOOL_RESULT, TOOLS, TRIP, URL
from sdks.gateway import WEATHER, Trip

DECLARATIONS = [
    types.FunctionDeclaration(name=name, description=about, parameters_json_schema=WEATHER)
    for name, about in TOOLS.items()
]
OFFER = [types.Tool(function_declarations=DECLARATIONS)]


@pytest.fixture(scope="module")
def client():
    return genai.Client(api_key="sk-test", http_options=types.HttpOptions(base_url=URL, timeout=TIMEOUT * 1000))


def config(**options):
    by_hand = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(automatic_function_calling=by_hand, **options)


class Joined:
    """A streamed answer, joined as a program would: all parts, the last finish reason, the last usage."""

    def __init__(self, chunks):
        self.count = len(chunks)
        self.parts = [part for chunk in chunks for part in parts_of(chunk)]
        self.text = "".join(part.text or "" for part in self.parts if not part.thought)
        self.function_calls = [part.function_call for part in self.parts if part.function_call]
        reasons = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates]
        self.finish_reason = [reason for reason in reasons if reason][-1]
        self.usage_metadata = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata][-1]


def parts_of(answer):
    content = answer.candidates[0].content if answer.candidates else None
    return (content.parts or []) if content else []


def streamed(client, **request):
    return Joined(list(client.models.generate_content_stream(**request)))


def create(client, stream, **request):
    return streamed(client, **request) if stream else client.models.generate_content(**request)


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


def test_plain(client, model):
    answer = client.models.generate_content(model=model("text"), contents=HELLO)
    assert answer.text == ECHO
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (20, 10, 30)


def test_streamed(client, model):
    answer = streamed(client, model=model("text"), contents=HELLO)
    assert (answer.text, answer.finish_reason) == (ECHO, types.FinishReason.STOP)
    assert answer.count > 1
    assert answer.usage_metadata.candidates_token_count == 10


@both_ways
def test_cached_tokens(client, model, stream):
    usage = create(client, stream, model=model("text~cached-5"), contents=HELLO).usage_metadata
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (20, 5)


def test_system(client, model):
    options = config(system_instruction="Be brief.")
    assert client.models.generate_content(model=model("text"), contents=HELLO, config=options).text == ECHO


@both_ways
@pytest.mark.parametrize(("script", "count"), [("tool", 1), ("tools2", 2)])
def test_tool_loop(client, model, script, count, stream):
    user = types.Content(role="user", parts=[types.Part(text=HELLO)])
    request = {"model": model(script), "contents": [user], "config": config(tools=OFFER)}
    answer = create(client, stream, **request)
    calls = answer.function_calls
    assert [call.name for call in calls] == list(TOOLS)[:count]
    assert [call.args for call in calls] == [ARGUMENTS] * count
    turn = answer.parts if stream else answer.candidates[0].content.parts
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": TOOL_RESULT}))
        for call in calls
    ]
    request["contents"] += [types.Content(role="model", parts=turn), types.Content(role="user", parts=results)]
    said = create(client, stream, **request).text
    assert said.startswith("The tool said: ") and said.count(TOOL_RESULT) == count


def test_forced_tool(client, model):
    forced = types.FunctionCallingConfig(mode="ANY", allowed_function_names=["get_time"])
    options = config(tools=OFFER, tool_config=types.ToolConfig(function_calling_config=forced))
    answer = client.models.generate_content(model=model("tool"), contents=HELLO, config=options)
    assert [call.name for call in answer.function_calls] == ["get_time"]


def test_no_tool(client, model):
    options = config(tools=OFFER, tool_config={"function_calling_config": {"mode": "NONE"}})
    assert client.models.generate_content(model=model("tool"), contents=HELLO, config=options).text == ECHO


@pytest.mark.parametrize("schema", [{"response_schema": Trip}, {"response_json_schema": Trip.model_json_schema()}], ids=list)
def test_structured(client, model, schema):
    options = config(response_mime_type="application/json", **schema)
    answer = client.models.generate_content(model=model("json"), contents=HELLO, config=options)
    assert Trip.model_validate_json(answer.text) == TRIP
    answer = streamed(client, model=model("json"), contents=HELLO, config=options)
    assert Trip.model_validate_json(answer.text) == TRIP


def test_image(client, model):
    image = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    answer = client.models.generate_content(model=model("text"), contents=[HELLO, image])
    assert answer.text == f"{ECHO} [image]"


@both_ways
def test_thinking(client, model, stream):
    options = config(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024))
    answer = create(client, stream, model=model("reasoning"), contents=HELLO, config=options)
    parts = answer.parts if stream else parts_of(answer)
    assert "".join(part.text or "" for part in parts if part.thought) == THOUGHT
    assert answer.text == ECHO


@both_ways
def test_length(client, model, stream):
    answer = create(client, stream, model=model("text~incomplete"), contents=HELLO)
    reason = answer.finish_reason if stream else answer.candidates[0].finish_reason
    assert reason == types.FinishReason.MAX_TOKENS


def test_chat(client, model):
    chat = client.chats.create(model=model("text"))
    assert chat.send_message(HELLO).text == ECHO
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("Again")) == "You said: Again"


async def test_async(client, model):
    answer = await client.aio.models.generate_content(model=model("text"), contents=HELLO)
    assert answer.text == ECHO
    stream = await client.aio.models.generate_content_stream(model=model("text"), contents=HELLO)
    assert "".join([chunk.text or "" async for chunk in stream]) == ECHO


def test_count_and_embed(client):
    assert client.models.count_tokens(model="fake-gemini/text", contents=HELLO).total_tokens > 0
    answer = client.models.embed_content(model="fake-gemini/gemini-embedding-001", contents=HELLO)
    assert len(answer.embeddings[0].values) > 0

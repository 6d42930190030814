"""Every SDK over every dialect: the words, the tokens and the ending that the model gives without the gateway."""

import json

import pytest
from google.genai import types

from real.world import GREEDY, GREEDY_EXTRA, LIMIT, MODEL, QUESTION, SYSTEM, TOOL, WEATHER

TURNS = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]


class Seen:
    """What a user's program gets to see, whichever SDK it came from."""

    def __init__(self, text, input, output, pieces=1):
        self.text, self.input, self.output, self.pieces = text, input, output, pieces


def chat(client, model, **more):
    answer = client.chat.completions.create(model=model, messages=TURNS, max_tokens=LIMIT, **GREEDY, **more)
    assert answer.choices[0].finish_reason == "stop"
    return Seen(answer.choices[0].message.content, answer.usage.prompt_tokens, answer.usage.completion_tokens)


def chat_streamed(client, model):
    request = {"stream_options": {"include_usage": True}, "max_tokens": LIMIT, **GREEDY}
    with client.chat.completions.stream(model=model, messages=TURNS, **request) as stream:
        pieces = sum(event.type == "content.delta" for event in stream)
        answer = stream.get_final_completion()
    assert answer.choices[0].finish_reason == "stop"
    usage = answer.usage
    return Seen(answer.choices[0].message.content, usage.prompt_tokens, usage.completion_tokens, pieces)


RESPOND = {"instructions": SYSTEM, "input": QUESTION, "max_output_tokens": LIMIT, **GREEDY}


def respond(client, model):
    answer = client.responses.create(model=model, **RESPOND)
    assert answer.status == "completed"
    return Seen(answer.output_text, answer.usage.input_tokens, answer.usage.output_tokens)


def respond_streamed(client, model):
    # Not `responses.stream()`: llama.cpp leaves out fields that this needs, with and without the gateway.
    events = list(client.responses.create(model=model, stream=True, **RESPOND))
    pieces = sum(event.type == "response.output_text.delta" for event in events)
    answer = events[-1].response
    assert (events[-1].type, answer.status) == ("response.completed", "completed")
    return Seen(answer.output_text, answer.usage.input_tokens, answer.usage.output_tokens, pieces)


MESSAGE = {"system": SYSTEM, "messages": TURNS[1:], "max_tokens": LIMIT, **GREEDY_EXTRA}


def seen_message(answer, pieces=1):
    assert answer.stop_reason == "end_turn"
    usage = answer.usage
    read = usage.input_tokens + (usage.cache_read_input_tokens or 0)
    return Seen("".join(block.text for block in answer.content), read, usage.output_tokens, pieces)


def message(client, model):
    return seen_message(client.messages.create(model=model, **MESSAGE))


def message_streamed(client, model):
    with client.messages.stream(model=model, **MESSAGE) as stream:
        pieces = sum(event.type == "text" for event in stream)
        return seen_message(stream.get_final_message(), pieces)


CONFIG = types.GenerateContentConfig(system_instruction=SYSTEM, max_output_tokens=LIMIT, **GREEDY)


def seen_contents(chunks):
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    usage = chunks[-1].usage_metadata
    text = "".join(chunk.text or "" for chunk in chunks)
    return Seen(text, usage.prompt_token_count, usage.candidates_token_count, len(chunks))


def generate(client, model):
    return seen_contents([client.models.generate_content(model=model, contents=QUESTION, config=CONFIG)])


def generate_streamed(client, model):
    stream = client.models.generate_content_stream(model=model, contents=QUESTION, config=CONFIG)
    return seen_contents(list(stream))


WAYS = [
    (chat, "openai_client"),
    (chat_streamed, "openai_client"),
    (respond, "openai_client"),
    (respond_streamed, "openai_client"),
    (message, "anthropic_client"),
    (message_streamed, "anthropic_client"),
    (generate, "gemini_client"),
    (generate_streamed, "gemini_client"),
]


@pytest.mark.parametrize(("ask", "client"), WAYS, ids=[ask.__name__ for ask, _ in WAYS])
def test_the_same_answer_as_without_the_gateway(ask, client, model, direct, request):
    seen = ask(request.getfixturevalue(client), model)
    assert (seen.text, seen.input, seen.output) == (direct.text, direct.input, direct.output)
    if "streamed" in ask.__name__:
        assert seen.pieces > 3


def test_completions(openai_client):
    request = {"model": f"llama.cpp/{MODEL}", "prompt": "Once upon a", "max_tokens": 3, **GREEDY}
    whole = openai_client.completions.create(**request)
    assert whole.choices[0].text.strip()
    assert whole.usage.completion_tokens == 3
    chunks = openai_client.completions.create(stream=True, **request)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text


def test_embeddings(openai_client, gemini_client):
    model = f"llama.cpp/{MODEL}"
    both = openai_client.embeddings.create(model=model, input=["A cat", "A dog"])
    assert [len(item.embedding) for item in both.data] == [576, 576]
    assert both.usage.prompt_tokens > 0
    one = gemini_client.models.embed_content(model=model, contents="A cat").embeddings[0].values
    assert one == pytest.approx(both.data[0].embedding, abs=1e-3)


# The model is too small to call tools; that the request is understood is all that can be asked of it.
def test_tools_are_accepted(openai_client, anthropic_client, gemini_client, model):
    function = {"name": TOOL, "description": "The weather in a city", "parameters": WEATHER}
    assert chat(openai_client, model, tools=[{"type": "function", "function": function}]).text
    tool = {"name": TOOL, "description": "The weather in a city", "input_schema": WEATHER}
    assert anthropic_client.messages.create(model=model, tools=[tool], **MESSAGE).content
    declared = types.FunctionDeclaration(name=TOOL, parameters_json_schema=WEATHER)
    offer = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])], max_output_tokens=LIMIT)
    assert gemini_client.models.generate_content(model=model, contents=QUESTION, config=offer).candidates


def test_a_schema_forces_json(openai_client):
    schema = {"type": "object", "properties": {"capital": {"type": "string", "maxLength": 12}}}
    schema |= {"required": ["capital"], "additionalProperties": False}
    request = {"model": f"llama.cpp/{MODEL}", "max_tokens": 40, **GREEDY}
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    answer = openai_client.chat.completions.create(messages=TURNS, response_format=shape, **request)
    assert "capital" in json.loads(answer.choices[0].message.content)


def test_a_turn_of_many_goes_back(anthropic_client, model):
    turns = [*TURNS[1:], {"role": "assistant", "content": "Paris."}, {"role": "user", "content": "And of Italy?"}]
    answer = anthropic_client.messages.create(model=model, messages=turns, max_tokens=LIMIT, **GREEDY_EXTRA)
    assert "Rome" in answer.content[0].text


def test_the_limit_is_said_to_be_the_reason(openai_client, anthropic_client):
    # In its Responses dialect llama.cpp itself calls such an answer completed.
    for provider in ["llama.cpp", "real-anthropic"]:
        model = f"{provider}/{MODEL}"
        chat = openai_client.chat.completions.create(model=model, messages=TURNS, max_tokens=2)
        assert chat.choices[0].finish_reason == "length"
        assert anthropic_client.messages.create(model=model, messages=TURNS[1:], max_tokens=2).stop_reason == "max_tokens"
        respond = openai_client.responses.create(model=model, input=QUESTION, max_output_tokens=2)
        assert (respond.status, respond.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_a_first_token_that_is_half_a_character(anthropic_client):
    # Where llama.cpp's own Anthropic dialect leaves out `message_start`.
    turn = {"role": "user", "content": "Answer with one emoji only: 🌟🌟🌟🌟"}
    with anthropic_client.messages.stream(model=f"llama.cpp/{MODEL}", max_tokens=6, messages=[turn]) as stream:
        assert stream.get_final_message().usage.output_tokens > 0


def test_without_a_price_the_cost_is_unpriced(openai_client, model):
    request = {"model": model, "messages": TURNS, "max_tokens": 16}
    answer = openai_client.chat.completions.with_raw_response.create(**request)
    assert answer.headers["x-tidegate-cost-usd"] == "unpriced"
    assert answer.headers["x-tidegate-target"] == model


def test_models_that_count_tokens(anthropic_client, gemini_client):
    count = anthropic_client.messages.count_tokens(model=f"real-anthropic/{MODEL}", system=SYSTEM, messages=TURNS[1:])
    assert count.input_tokens > 0
    assert gemini_client.models.count_tokens(model=f"llama.cpp/{MODEL}", contents=QUESTION).total_tokens > 0

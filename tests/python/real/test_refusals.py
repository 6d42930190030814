"""What goes wrong with a real server: wrong names, prompts that are too long, callers who leave."""

import time

import anthropic
import httpx
import openai
import pytest
from google.genai import errors

from real.world import ESSAY, ESSAY_LIMIT, GREEDY, GREEDY_EXTRA, MODEL_URL, QUESTION, TOO_LONG

TURN = {"role": "user", "content": QUESTION}


def test_unknown_models(openai_client, anthropic_client, gemini_client):
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        openai_client.chat.completions.create(model="no-such-model", messages=[TURN])
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        openai_client.responses.create(model="no-such-model", input=QUESTION)
    with pytest.raises(anthropic.NotFoundError, match="no-such-model"):
        anthropic_client.messages.create(model="no-such-model", max_tokens=9, messages=[TURN])
    with pytest.raises(errors.ClientError, match="no-such-model") as caught:
        gemini_client.models.generate_content(model="no-such-model", contents=QUESTION)
    assert caught.value.code == 404


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_prompts_that_are_too_long(openai_client, anthropic_client, gemini_client, model, stream):
    turn = {"role": "user", "content": TOO_LONG}
    with pytest.raises(openai.BadRequestError, match="context size") as caught:
        openai_client.chat.completions.create(model=model, messages=[turn], stream=stream)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="context size"):
        openai_client.responses.create(model=model, input=TOO_LONG, stream=stream)
    with pytest.raises(anthropic.BadRequestError, match="context size"):
        anthropic_client.messages.create(model=model, max_tokens=9, messages=[turn], stream=stream)
    generate = gemini_client.models.generate_content_stream if stream else gemini_client.models.generate_content
    with pytest.raises(errors.ClientError, match="context size") as caught:
        list(generate(model=model, contents=TOO_LONG))
    assert caught.value.code == 400


def busy():
    """How many answers the server is writing."""
    return sum(slot["is_processing"] for slot in httpx.get(f"{MODEL_URL}/slots", timeout=30).json())


def falls_idle():
    """Whether it stops, long before the story would end.

    llama.cpp looks every second whether its caller is still there, unless somebody asks it something in between.
    """
    end = time.monotonic() + 15
    while busy():
        if time.monotonic() > end:
            return False
        time.sleep(1.5)
    return True


def open_chat(openai_client, anthropic_client, model):
    turn = {"role": "user", "content": ESSAY}
    return openai_client.chat.completions.create(model=model, messages=[turn], max_tokens=ESSAY_LIMIT, stream=True, **GREEDY)


def open_responses(openai_client, anthropic_client, model):
    return openai_client.responses.create(model=model, input=ESSAY, max_output_tokens=ESSAY_LIMIT, stream=True, **GREEDY)


def open_messages(openai_client, anthropic_client, model):
    turn = {"role": "user", "content": ESSAY}
    return anthropic_client.messages.create(model=model, messages=[turn], max_tokens=ESSAY_LIMIT, stream=True, **GREEDY_EXTRA)


@pytest.mark.parametrize("begin", [open_chat, open_responses, open_messages])
def test_the_server_stops_when_the_caller_leaves(openai_client, anthropic_client, begin, model):
    assert falls_idle()
    stream = begin(openai_client, anthropic_client, model)
    for count, _ in enumerate(stream):
        if count == 8:
            break
    assert busy() == 1
    stream.close()
    assert falls_idle()


def test_the_server_stops_when_the_caller_has_no_patience(openai_client, model):
    assert falls_idle()
    impatient = openai_client.with_options(timeout=1.5)
    with pytest.raises(openai.APITimeoutError):
        impatient.responses.create(model=model, input=ESSAY, max_output_tokens=ESSAY_LIMIT, **GREEDY)
    assert falls_idle()

"""What goes wrong, as each SDK tells its user: the right class, and never an ending that looks good."""

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from sdks.gateway import ECHO, HELLO, TIMEOUT, URL

MESSAGES = [{"role": "user", "content": HELLO}]
OPTIONS = {"api_key": "sk-test", "max_retries": 0, "timeout": TIMEOUT}


@pytest.fixture(scope="module")
def openai_client():
    with openai.OpenAI(base_url=f"{URL}/v1", **OPTIONS) as client:
        yield client


@pytest.fixture(scope="module")
def anthropic_client():
    with anthropic.Anthropic(base_url=URL, **OPTIONS) as client:
        yield client


@pytest.fixture(scope="module")
def gemini_client():
    return genai.Client(api_key="sk-test", http_options=types.HttpOptions(base_url=URL, timeout=TIMEOUT * 1000))


@pytest.fixture
def chat(openai_client):
    return lambda model, **more: openai_client.chat.completions.create(model=model, messages=MESSAGES, **more)


@pytest.fixture
def respond(openai_client):
    return lambda model, **more: openai_client.responses.create(model=model, input=HELLO, **more)


@pytest.fixture
def message(anthropic_client):
    return lambda model, **more: anthropic_client.messages.create(
        model=model, messages=MESSAGES, max_tokens=100, **more
    )


@pytest.fixture
def generate(gemini_client):
    def generate(model, stream=False):
        models = gemini_client.models
        call = models.generate_content_stream if stream else models.generate_content
        return call(model=model, contents=HELLO)

    return generate


# A provider's status, and what it is to the caller. A provider that refuses the gateway's key (401, 403) is
# the gateway's trouble: "your key is wrong" would send the caller looking in the wrong place.
OPENAI = {
    400: openai.BadRequestError,
    401: openai.InternalServerError,
    403: openai.InternalServerError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
    529: openai.InternalServerError,
}
ANTHROPIC = {
    400: (anthropic.BadRequestError, "invalid_request_error"),
    401: (anthropic.InternalServerError, "api_error"),
    403: (anthropic.InternalServerError, "api_error"),
    404: (anthropic.NotFoundError, "not_found_error"),
    429: (anthropic.RateLimitError, "rate_limit_error"),
    500: (anthropic.InternalServerError, "api_error"),
    503: (anthropic.InternalServerError, "overloaded_error"),
    529: (anthropic.InternalServerError, "overloaded_error"),
}
GEMINI = {
    400: (errors.ClientError, "INVALID_ARGUMENT"),
    401: (errors.ServerError, None),
    403: (errors.ServerError, None),
    404: (errors.ClientError, "NOT_FOUND"),
    429: (errors.ClientError, "RESOURCE_EXHAUSTED"),
    500: (errors.ServerError, None),
    503: (errors.ServerError, "UNAVAILABLE"),
    529: (errors.ServerError, "UNAVAILABLE"),
}
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


@both_ways
@pytest.mark.parametrize("status", OPENAI)
def test_status_in_openai_chat(chat, model, status, stream):
    with pytest.raises(OPENAI[status]) as caught:
        chat(model(f"text~status-{status}"), stream=stream)
    assert {"message", "type", "param", "code"} <= caught.value.body.keys()
    assert caught.value.request_id


@both_ways
@pytest.mark.parametrize("status", OPENAI)
def test_status_in_openai_responses(respond, model, status, stream):
    with pytest.raises(OPENAI[status]) as caught:
        respond(model(f"text~status-{status}"), stream=stream)
    assert caught.value.request_id


@both_ways
@pytest.mark.parametrize("status", ANTHROPIC)
def test_status_in_anthropic(message, model, status, stream):
    right_class, word = ANTHROPIC[status]
    with pytest.raises(right_class) as caught:
        message(model(f"text~status-{status}"), stream=stream)
    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == word
    assert caught.value.request_id


@both_ways
@pytest.mark.parametrize("status", GEMINI)
def test_status_in_gemini(generate, model, status, stream):
    right_class, word = GEMINI[status]
    with pytest.raises(right_class) as caught:
        list(generate(model(f"text~status-{status}"), stream=stream))
    assert word is None or caught.value.status == word


def test_retry_after_is_passed_on(chat, message, model):
    script = model("text~status-429~retryafter-7")
    for call, error in ((chat, openai.RateLimitError), (message, anthropic.RateLimitError)):
        with pytest.raises(error) as caught:
            call(script)
        assert caught.value.response.headers["retry-after"] == "7"


def test_unknown_model(chat, respond, message, generate):
    for call in (chat, respond):
        with pytest.raises(openai.NotFoundError, match="no-such-model"):
            call("no-such-model")
    with pytest.raises(anthropic.NotFoundError, match="no-such-model"):
        message("no-such-model")
    with pytest.raises(errors.ClientError, match="no-such-model") as caught:
        generate("no-such-model")
    assert caught.value.code == 404


def test_a_near_miss_is_named(chat):
    with pytest.raises(openai.NotFoundError, match="steady-answer"):
        chat("steady-answr")


def test_fallback_is_invisible(chat, respond, message, generate):
    """`steady-answer` has a first target that fails and a fallback in another dialect."""
    assert chat("steady-answer").choices[0].message.content == ECHO
    assert respond("steady-answer").output_text == ECHO
    assert message("steady-answer").content[0].text == ECHO
    assert generate("steady-answer").text == ECHO
    chunks = chat("steady-answer", stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ECHO


def test_empty_messages(openai_client, anthropic_client):
    with pytest.raises(openai.BadRequestError, match="messages"):
        openai_client.chat.completions.create(model="fake-chat/text", messages=[])
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        anthropic_client.messages.create(model="fake-anthropic/text", messages=[], max_tokens=10)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": 5}', b'{"model": "\xff"}', b"[" * 100_000])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_no_request_at_all(path, body):
    answer = httpx.post(URL + path, content=body, headers={"content-type": "application/json"}, timeout=TIMEOUT)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


# After the stream has begun there is no status left: the ending itself must tell.
BROKEN = pytest.mark.parametrize("script", ["long~errorafter-8", "long~cut-8", "long~reset-8"])


@BROKEN
def test_broken_stream_in_openai_chat(chat, model, script):
    seen = []
    with pytest.raises(openai.APIError):
        seen.extend(chat(model(script), stream=True))
    assert seen
    assert not any(chunk.choices[0].finish_reason for chunk in seen if chunk.choices)


@BROKEN
def test_broken_stream_in_openai_responses(respond, model, script):
    seen = []
    try:
        seen.extend(event.type for event in respond(model(script), stream=True))
    except openai.APIError:
        assert seen
    else:
        assert seen[-1] in ("error", "response.failed")
    assert "response.completed" not in seen


@BROKEN
def test_broken_stream_in_anthropic(message, model, script):
    seen = []
    with pytest.raises(anthropic.APIError):
        seen.extend(event.type for event in message(model(script), stream=True))
    assert "message_start" in seen
    assert "message_stop" not in seen


@BROKEN
def test_broken_stream_in_gemini(generate, model, script):
    seen = []
    with pytest.raises(errors.APIError):
        seen.extend(generate(model(script), stream=True))
    assert seen
    assert not any(chunk.candidates[0].finish_reason for chunk in seen if chunk.candidates)


@both_ways
def test_a_provider_that_never_answers(chat, message, generate, stream):
    """`sleepy` has a limit of half a second until the first byte and a target that stalls."""
    with pytest.raises(openai.InternalServerError) as caught:
        chat("sleepy", stream=stream)
    assert caught.value.status_code == 504
    with pytest.raises(anthropic.InternalServerError) as caught:
        message("sleepy", stream=stream)
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (504, "timeout_error")
    with pytest.raises(errors.ServerError) as caught:
        list(generate("sleepy", stream=stream))
    assert (caught.value.code, caught.value.status) == (504, "DEADLINE_EXCEEDED")


def test_the_clients_own_patience(openai_client, anthropic_client, model):
    with pytest.raises(openai.APITimeoutError):
        patience = openai_client.with_options(timeout=0.3)
        patience.chat.completions.create(model=model("text~stall"), messages=MESSAGES)
    with pytest.raises(anthropic.APITimeoutError):
        patience = anthropic_client.with_options(timeout=0.3)
        patience.messages.create(model=model("text~stall"), messages=MESSAGES, max_tokens=10)

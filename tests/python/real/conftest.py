"""The answer that the model gives without the gateway, and clients of the three SDKs."""

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import types

from real.world import GREEDY, LIMIT, MODEL, MODEL_URL, OPTIONS, PROVIDERS, QUESTION, SYSTEM, TIMEOUT, URL


class Direct:
    """One answer that did not go through the gateway."""

    def __init__(self, body):
        self.text = body["choices"][0]["message"]["content"]
        self.input = body["usage"]["prompt_tokens"]
        self.output = body["usage"]["completion_tokens"]


@pytest.fixture(scope="session")
def direct():
    turns = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    request = {"model": MODEL, "messages": turns, "max_tokens": LIMIT, **GREEDY}
    answer = Direct(httpx.post(f"{MODEL_URL}/v1/chat/completions", json=request, timeout=TIMEOUT).json())
    assert "Paris" in answer.text
    return answer


@pytest.fixture(params=PROVIDERS)
def provider(request):
    """Every test that takes this runs once for each dialect of the server."""
    return request.param


@pytest.fixture
def model(provider):
    return f"{provider}/{MODEL}"


@pytest.fixture(scope="session")
def openai_client():
    with openai.OpenAI(base_url=f"{URL}/v1", **OPTIONS) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client():
    with anthropic.Anthropic(base_url=URL, **OPTIONS) as client:
        yield client


@pytest.fixture(scope="session")
def gemini_client():
    return genai.Client(api_key="any", http_options=types.HttpOptions(base_url=URL, timeout=TIMEOUT * 1000))

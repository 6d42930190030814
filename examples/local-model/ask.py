#!/usr/bin/env python3
"""One question to the gateway on 127.0.0.1:8080, by the SDKs of three vendors, streamed.

    pip install openai anthropic google-genai
    python3 ask.py ["a question"]
"""

import os
import sys

import anthropic
import openai
from google import genai

URL = os.environ.get("TIDEGATE_URL", "http://127.0.0.1:8080")
MODEL = "small"
QUESTION = sys.argv[1] if len(sys.argv) > 1 else "Tell me about the sea."


def with_openai():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any")
    for event in client.responses.create(model=MODEL, input=QUESTION, max_output_tokens=100, stream=True):
        if event.type == "response.output_text.delta":
            yield event.delta


def with_anthropic():
    client = anthropic.Anthropic(base_url=URL, api_key="any")
    turn = {"role": "user", "content": QUESTION}
    with client.messages.stream(model=MODEL, max_tokens=100, messages=[turn]) as stream:
        yield from stream.text_stream


def with_google():
    client = genai.Client(api_key="any", http_options={"base_url": URL})
    config = {"max_output_tokens": 100}
    for chunk in client.models.generate_content_stream(model=MODEL, contents=QUESTION, config=config):
        yield chunk.text or ""


for ask in (with_openai, with_anthropic, with_google):
    print(f"\n{ask.__name__}:", flush=True)
    for piece in ask():
        print(piece, end="", flush=True)
    print()

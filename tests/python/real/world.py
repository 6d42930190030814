"""What is under test: the gateway, and behind it one real model, reached in three dialects."""

import os

URL = os.environ["GATEWAY_URL"].rstrip("/")
MODEL_URL = os.environ["MODEL_URL"].rstrip("/")

MODEL = "smollm2-135m"
# llama.cpp's server in its chat dialect, and twice more in others.
PROVIDERS = ["llama.cpp", "real-responses", "real-anthropic"]

# A small model on a busy machine may need this long for the few tokens that are asked for.
TIMEOUT = 60
OPTIONS = {"api_key": "any", "max_retries": 0, "timeout": TIMEOUT}

QUESTION = "What is the capital of France?"
SYSTEM = "You are a helpful assistant."
# Enough for the answer to that question; OpenAI's Responses refuse less than 16.
LIMIT = 24
# An answer that takes longer than anybody wants to wait for.
ESSAY = "Write a very long story about a dragon."
ESSAY_LIMIT = 3500

# The words are random, so what they must be is asked of the model itself: greedy sampling gives the same ones again.
GREEDY = {"temperature": 0}
# The `anthropic` package has no word for it any more.
GREEDY_EXTRA = {"extra_body": GREEDY}

TOOL = "get_weather"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
# More than the model's 4,096 tokens.
TOO_LONG = "hello there, my friend " * 1500

"""What is under test: the gateway, the four providers behind it, and what the fake provider is known to say."""

import os

from pydantic import BaseModel

URL = os.environ["GATEWAY_URL"].rstrip("/")

# One fake provider, reached in each outbound dialect.
PROVIDERS = ["fake-chat", "fake-responses", "fake-anthropic", "fake-gemini"]

# Long enough for a busy machine, short enough that a hanging stream fails its test.
TIMEOUT = 20

HELLO = "Say hello"
ECHO = "You said: Say hello"
THOUGHT = "The user wants an answer, so I think first."
TOOL_RESULT = "22 degrees"
TOOL_ECHO = "The tool said: 22 degrees"

# The smallest PNG: one transparent pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

# The tools that requests offer; the fake provider calls the first ones with `Paris` for every text.
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city's name"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = {"get_weather": "The weather in a city", "get_time": "The time in a city"}
ARGUMENTS = {"city": "Paris"}


class Trip(BaseModel):
    """What structured answers must look like; the fake provider fills it with `Paris` and 1."""

    city: str
    days: int


TRIP = Trip(city="Paris", days=1)

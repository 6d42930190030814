"""LangChain's standard tests for chat models, over its OpenAI and Anthropic integrations and every provider.

They run twice: against the fake provider, and through the gateway. What passes must be the same, so a test that
the fake provider cannot satisfy (it does not do sums) fails in both runs and tells nothing.
"""

import os

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

URL = os.environ["GATEWAY_URL"].rstrip("/")
PROVIDERS = ["fake-chat", "fake-responses", "fake-anthropic", "fake-gemini"]


class Standard(ChatModelIntegrationTests):
    """What all integrations have in common."""

    answered_in_json = frozenset()

    @pytest.fixture(params=PROVIDERS, autouse=True)
    def provider(self, request):
        # A test wants its structured answer as JSON or as a tool call; whoever offers no tool gets text.
        script = "json" if request.node.originalname in self.answered_in_json else "tool"
        self.script = f"{request.param}/{script}"

    @pytest.fixture
    def model(self, provider, request):
        params = {**self.standard_chat_model_params, **self.chat_model_params, **(getattr(request, "param", None) or {})}
        return self.chat_model_class(**params)

    @property
    def chat_model_params(self):
        return {"model": self.script, "base_url": URL + self.path, "api_key": "sk-test", "max_retries": 0, "timeout": 20}

    # Answers name the model as its provider does, without the provider: a name that is the same on both sides.
    @property
    def model_override_value(self):
        return "tool"

    # These fetch a file from the web.
    @property
    def supports_image_inputs(self):
        return False


class TestOpenAIChat(Standard):
    """`ChatOpenAI` on /v1/chat/completions."""

    path = "/v1"
    chat_model_class = ChatOpenAI
    answered_in_json = frozenset(
        ["test_json_mode", "test_structured_output", "test_structured_output_async", "test_structured_output_optional_param"]
    )

    @property
    def supports_json_mode(self):
        return True

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "stream_usage": True}


class TestOpenAIResponses(TestOpenAIChat):
    """`ChatOpenAI` on /v1/responses."""

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "use_responses_api": True}


class TestAnthropic(Standard):
    """`ChatAnthropic` on /v1/messages."""

    path = ""
    chat_model_class = ChatAnthropic

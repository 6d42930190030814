"""Fixtures that the suites of all SDKs share."""

import pytest

from sdks.gateway import PROVIDERS


@pytest.fixture(params=PROVIDERS)
def provider(request):
    """Every test that takes this runs once for each outbound dialect."""
    return request.param


@pytest.fixture
def model(provider):
    """Names a model: `model("tool")` asks the provider for a tool call."""
    return lambda script: f"{provider}/{script}"

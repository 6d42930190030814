"""The admin API against its own document: what schemathesis makes up finds no 5xx and no answer that the document does not tell, and nobody
comes in without the key.

`TIDEGATE` is the program. The tests start it with a database of its own, as they make and revoke keys.
"""

import os
import re
import subprocess
import sys

import pytest
import requests

KEY = "tga-the-admin-key-of-these-tests"
PROGRAM = os.path.abspath(os.environ["TIDEGATE"])

DOCUMENT = "/admin/v1/openapi.json"

# Seconds. What schemathesis makes up is cut there; what it had begun may take a little longer.
TIME = 40
TIMEOUT = 20

# Wrong keys are shown here, by hand: made-up ones would be slowed down, and everything else with them. That a request fits the document and
# is refused all the same is right where the document cannot say it (a limit of money with ten digits after the point).
EXCLUDED = "ignored_auth,positive_data_acceptance"

ID = "key_0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The admin door of a fresh gateway."""
    folder = tmp_path_factory.mktemp("gateway")
    environment = {**os.environ, "TIDEGATE_ADMIN_KEY": KEY, "TIDEGATE_DATA": str(folder / "data")}
    command = [PROGRAM, "run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with open(folder / "log", "w+", encoding="utf-8") as log:
        gateway = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield admin_door(gateway, log)
        finally:
            gateway.kill()
            gateway.wait()


def admin_door(gateway, log):
    """Reads on until the gateway says where its admin door is."""
    said = []
    for line in gateway.stdout:
        said.append(line)
        if found := re.search(r"\(admin\) (http://\S+)", line):
            return found[1].rstrip("/")
    log.seek(0)
    raise AssertionError("the gateway ended at once: " + "".join(said) + log.read())


@pytest.fixture(scope="module")
def operations(url):
    """Method and path of every operation, with an id in it."""
    document = requests.get(url + DOCUMENT, headers={"x-admin-key": KEY}, timeout=TIMEOUT).json()
    found = [
        (method.upper(), url + path.replace("{id}", ID))
        for path, methods in document["paths"].items()
        for method in methods
    ]
    assert len(found) >= 17
    return found


@pytest.fixture(scope="module")
def callers_key(url):
    """A key that opens the gateway, and must not open its admin door."""
    made = requests.post(f"{url}/admin/v1/keys", json={"name": "caller"}, headers={"x-admin-key": KEY}, timeout=TIMEOUT)
    assert made.status_code == 201, made.text
    yield made.json()["key"]
    requests.delete(f"{url}/admin/v1/keys/{made.json()['id']}", headers={"x-admin-key": KEY}, timeout=TIMEOUT)


def test_nothing_made_up_finds_a_5xx_or_an_answer_that_is_not_in_the_document(url, tmp_path):
    command = [sys.executable, "-m", "schemathesis.cli", "run", url + DOCUMENT, "--header", f"x-admin-key: {KEY}"]
    command += ["--exclude-checks", EXCLUDED, "--generation-with-security-parameters", "false"]
    command += ["--max-time", str(TIME), "--request-timeout", str(TIMEOUT), "--no-shrink", "--continue-on-failure"]
    command += ["--generation-database", "none", "--no-color"]
    # In a folder of its own: it leaves files where it runs.
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=4 * TIME)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert " passed" in run.stdout, run.stdout


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer tga-wrong"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": KEY},
        {"x-api-key": KEY},
        {"cookie": f"x-admin-key={KEY}; authorization=Bearer {KEY}"},
        {"x-http-method-override": "GET", "x-forwarded-for": "127.0.0.1", "x-original-url": "/health"},
    ],
)
def test_nobody_comes_in_without_the_key(operations, headers):
    for method, url in operations:
        answer = requests.request(method, url, headers=headers, json={"name": "burglar"}, timeout=TIMEOUT)
        assert answer.status_code == 401, f"{method} {url}: {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"


def test_callers_keys_open_nothing(operations, callers_key):
    for method, url in operations:
        for headers in [{"authorization": f"Bearer {callers_key}"}, {"x-admin-key": callers_key}]:
            answer = requests.request(method, url, headers=headers, json={"name": "burglar"}, timeout=TIMEOUT)
            assert answer.status_code == 403, f"{method} {url}: {answer.text}"

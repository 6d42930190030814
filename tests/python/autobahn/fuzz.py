"""Asks the translated Autobahn suite's questions: `wstest --mode fuzzingclient` with what the translation leaves to us.

    python fuzz.py PACKAGE URL RESULTS [CASE ...]

PACKAGE is what `translate.py` has made, URL a server that echoes messages, RESULTS a JSON file: of each case its behaviour, how the connection
was closed, and why. A CASE is an id or a pattern (`6.*`); one that begins with `-` is left out.
"""

import json
import os
import sys
import types

PACKAGE, URL, RESULTS, *CASES = sys.argv[1:]
sys.path.insert(0, PACKAGE)
# All that the suite asks of setuptools is where its test data is.
sys.modules["pkg_resources"] = types.SimpleNamespace(
    resource_filename=lambda package, name: os.path.join(PACKAGE, package, name)
)
# The looks of its HTML reports, which are not made.
sys.modules["autobahntestsuite.report"] = types.SimpleNamespace(
    CSS_COMMON="", CSS_DETAIL_REPORT="", CSS_MASTER_REPORT="", JS_MASTER_REPORT=""
)

from autobahntestsuite import fuzzing  # noqa: E402
from octets import letters, octets  # noqa: E402
from twisted.internet import reactor  # noqa: E402

AGENT = "echo"


class Client(fuzzing.FuzzingClientProtocol):
    """The suite's client; letters become bytes where it sends and bytes letters where it receives."""

    def sendFrame(self, opcode, payload=b"", **options):
        super().sendFrame(opcode=opcode, payload=octets(payload), **options)

    def sendMessage(self, payload, isBinary=False, **options):
        super().sendMessage(octets(payload), isBinary, **options)

    def sendMessageFrameData(self, payload, sync=False):
        return super().sendMessageFrameData(octets(payload), sync)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, octets(reasonUtf8), isReply)

    def onMessage(self, payload, isBinary):
        # The cases with compressed messages count in bytes.
        super().onMessage(payload if hasattr(self.Case, "TESTDATA") else letters(payload), isBinary)

    def onPong(self, payload):
        super().onPong(letters(payload))

    def enableWirelog(self, enable):
        """What went over the wire is shown in the suite's own reports, which nobody reads here."""

    def logRxOctets(self, data):
        pass

    def logTxOctets(self, data, sync):
        pass

    def logRxFrame(self, frameHeader, payload):
        pass

    def logTxFrame(self, frameHeader, payload, repeatLength, chopsize, sync):
        self.txFrameStats[frameHeader.opcode] = self.txFrameStats.get(frameHeader.opcode, 0) + 1


def results(factory, **_):
    """In place of the suite's HTML: one entry a case."""
    keys = ("behavior", "behaviorClose", "result", "resultClose", "duration")
    told = {case: {key: agents[AGENT][key] for key in keys} for case, agents in factory.cases.items()}
    with open(RESULTS, "w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)


fuzzing.FuzzingClientProtocol = Client
fuzzing.FuzzingFactory.createReports = results
fuzzing.asciiLogData = lambda data, **_: repr(data[:64])
fuzzing.startClient(
    {
        "servers": [{"agent": AGENT, "url": URL}],
        "cases": [case for case in CASES if not case.startswith("-")] or ["*"],
        "exclude-cases": [case[1:] for case in CASES if case.startswith("-")],
    }
)
reactor.run()

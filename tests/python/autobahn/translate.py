"""Makes a Python 3 package of the Autobahn suite, which is written for Python 2.

    python translate.py SOURCES INTO

SOURCES is the unpacked source distribution of `autobahntestsuite`, INTO gets the package. What the suite calls a string are octets, and so they
stay: a translated string has one letter for each octet (Latin-1). `fuzz.py` turns them into bytes on their way out, and back on their way in.
"""

import re
import shutil
import sys
from pathlib import Path

from fissix.refactor import RefactoringTool, get_fixers_from_package

# What no fixer knows: changed before (Python 2 reads it) or after the fixers. A line that is looked for must be there, so that another version
# of the suite does not go by unchanged.
BEFORE = {
    # The only case that needs it is in no list of cases.
    "case/case9_9_1.py": [("from zope.interface import implements\n", ""), ("   implements(interfaces.IPushProducer)\n", "")],
    # Pickles of equal values differ when one of them has the same object twice.
    "case/case.py": [("pickle.dumps(obj1) == pickle.dumps(obj2)", "obj1 == obj2")],
    "case/case10_1_1.py": [("len(self.payload) / self.p", "len(self.payload) // self.p")],
    # The library has given its options other names since.
    "case/case12_x_x.py": [
        (f"{verb}{what}", f"{verb}_{name}")
        for verb in ("accept", "request")
        for what, name in (("NoContextTakeover", "no_context_takeover"), ("MaxWindowBits", "max_window_bits"))
    ],
    "case/case6_x_x.py": [("from autobahn.websocket.utf8validator", "from octets")],
    "fuzzing.py": [
        ("WebSocketClientFactory.__init__(self, debug = debug, debugCodePaths = debug)", "WebSocketClientFactory.__init__(self)"),
        ("self.failConnection()", "self._fail_connection()"),
    ],
}
FILES = ["_version.py", "caseset.py", "fuzzing.py"]
# Classes that are made by `type` name `object` first.
OBJECT_FIRST = ("(object, Case, )", "(Case, )")
HEX = re.compile(r"^import binascii$", re.MULTILINE)


def main(sources, into):
    package = sources / "autobahntestsuite"
    target = into / "autobahntestsuite"
    shutil.rmtree(into, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copytree(package / "testdata", target / "testdata")
    # The package's own start brings what no case needs.
    target.joinpath("__init__.py").write_text("from ._version import __version__ as version\n")
    files = [package / name for name in FILES] + sorted(package.glob("case/*.py"))
    # Fixers find modules of the package by the place of the file.
    tool = RefactoringTool(get_fixers_from_package("fissix.fixes"))
    for file in files:
        name = file.relative_to(package).as_posix()
        place = target / name
        place.parent.mkdir(exist_ok=True)
        text = str(tool.refactor_string(prepared(name, file) + "\n", str(file)))
        place.write_text(HEX.sub("import octets as binascii", text), encoding="utf-8")


def prepared(name, file):
    # Octets beyond ASCII are read one by one, as the strings that they are in.
    text = file.read_bytes().decode("latin-1").replace("\r\n", "\n")
    for old, new in BEFORE.get(name, []):
        if old not in text:
            raise SystemExit(f"{name} has no `{old}`: is this another version of the suite?")
        text = text.replace(old, new)
    return text.replace(*OBJECT_FIRST)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

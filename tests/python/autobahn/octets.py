"""What the translated suite uses of Python's libraries, for strings that have one letter for each octet."""

import binascii

from autobahn.websocket import utf8validator


def octets(text):
    """The bytes that such a string stands for; bytes stay as they are."""
    return text.encode("latin-1") if isinstance(text, str) else text


def letters(data):
    """The string for these bytes."""
    return data.decode("latin-1") if isinstance(data, bytes) else data


def b2a_hex(text):
    return binascii.b2a_hex(octets(text)).decode("ascii")


hexlify = b2a_hex


class Utf8Validator(utf8validator.Utf8Validator):
    def validate(self, text):
        return super().validate(octets(text))

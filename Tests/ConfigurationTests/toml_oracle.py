#!/usr/bin/env python3
"""Compares the TOML vectors with Python's own parser, tomllib.

Without an argument: fails when a vector says something else than tomllib. With --write: writes tomllib's values into the
valid vectors. Vectors marked "peer": false are where tomllib is known to differ, and say why in "note".
"""

import datetime
import json
import math
import pathlib
import struct
import sys
import tomllib

FIXTURES = pathlib.Path(__file__).parent / "Fixtures"


def tagged(value):
    """A value with its type, in the form that TOMLVectorTests builds too."""
    match value:
        case dict():
            return {key: tagged(inner) for key, inner in value.items()}
        case list():
            return [tagged(inner) for inner in value]
        case bool():
            return ["boolean", str(value).lower()]
        case int():
            return ["integer", str(value)]
        case float():
            bits = "nan" if math.isnan(value) else struct.pack(">d", value).hex()
            return ["float", bits]
        case str():
            return ["string", value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return ["date", date_text(value)]
    raise TypeError(type(value))


def date_text(value):
    text = value.isoformat()
    if "." in text:
        head, tail = text.split(".")
        digits = tail[:6].rstrip("0")
        text = head + ("." + digits if digits else "") + tail[6:]
    return text.removesuffix("+00:00") + ("Z" if text.endswith("+00:00") else "")


def main():
    write = "--write" in sys.argv
    wrong = 0
    path = FIXTURES / "toml-valid.json"
    vectors = json.loads(path.read_text())
    for vector in vectors:
        if not vector.get("peer", True):
            continue
        values = tagged(tomllib.loads(vector["document"]))
        if write:
            vector["values"] = values
        elif vector.get("values") != values:
            print(f"valid/{vector['name']}: tomllib has {values}")
            wrong += 1
    if write:
        path.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
    for vector in json.loads((FIXTURES / "toml-invalid.json").read_text()):
        if not vector.get("peer", True):
            continue
        document = bytes.fromhex(vector["bytes"]) if "bytes" in vector else vector["document"].encode()
        try:
            tomllib.loads(document.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue
        print(f"invalid/{vector['name']}: tomllib takes it")
        wrong += 1
    print(f"{wrong} differences")
    sys.exit(1 if wrong else 0)


main()

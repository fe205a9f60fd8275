#!/usr/bin/env python3
"""Writes Vectors.swift: pickles made by real Python, and what they say.

    python3 make_vectors.py [PYTHON2] > Vectors.swift

Without a Python 2.7 to name, the vectors of Python 2 are taken from the present Vectors.swift. A vector is its name, a
line `= ` with the value as `render` shows it, and the pickle in hexadecimal.
"""
import argparse, collections, io, os, pickle, struct, subprocess, sys, types, warnings

warnings.simplefilter("ignore", DeprecationWarning)

PYTHON2 = r'''
import cPickle, pickle, collections, argparse
class Old:
    pass
class New(object):
    pass
old, new = Old(), New()
old.a = 1
new.b = u'x'
vectors = []
values = [
    ('scalars', [None, True, 1, -1, 2 ** 40, 2 ** 70, 1.5, 'abc', '\xe9', 'quo\'te\n\\', u'\xe9\u6f22\\u', u'']),
    ('ordered dict', collections.OrderedDict([('w', 1), ('b', 2)])),
    ('containers', [(), (1,), set([1]), frozenset([2]), {'k': [1]}, bytearray(b'a\xff'), complex(1, 2)]),
    ('instances', [old, new]),
    ('long str', 's' * 256),
]
for name, value in values:
    for protocol in (0, 1, 2) if name == 'scalars' else (0, 2):
        vectors.append((name, protocol, cPickle.dumps(value, protocol)))
vectors.append(('by pickle.py: scalars', 0, pickle.dumps(values[0][1], 0)))
for name, protocol, data in vectors:
    print('%s\t%d\t%s' % (name, protocol, data.encode('hex')))
'''


class Instance:
    pass


class Filled(dict):
    pass


class Grown(list):
    pass


class PersistentPickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.key if isinstance(value, Storage) else None


class Storage:
    def __init__(self, key):
        self.key = key


def text(value):
    return "'" + "".join(c if " " <= c < "\x7f" and c not in "\\'" else "<%x>" % ord(c) for c in value) + "'"


def render(value):
    """One line that says all of a value, the same as `render` in PickleTestSupport.swift."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        if -(2 ** 63) <= value < 2 ** 63:
            return str(value)
        size = (value.bit_length() if value >= 0 else (value + 1).bit_length()) // 8 + 1
        return "0x" + value.to_bytes(size, "little", signed=True).hex()
    if isinstance(value, float):
        return "f" + struct.pack(">d", value).hex()
    if isinstance(value, complex):
        return "complex[%s, %s]" % (render(value.real), render(value.imag))
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (bytes, bytearray)):
        return "b" + bytes(value).hex()
    if isinstance(value, tuple):
        return "(" + ", ".join(map(render, value)) + ")"
    if type(value) is list:
        return "[" + ", ".join(map(render, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(render, value))) + "}"
    entries = lambda d: "{" + ", ".join(render(k) + ": " + render(v) for k, v in d.items()) + "}"
    if type(value) is dict:
        return entries(value)
    if isinstance(value, Storage):
        return "@" + render(value.key)
    if isinstance(value, type):
        return "<%s.%s>" % (value.__module__, value.__name__)
    result = type(value).__name__
    if isinstance(value, dict):
        result += entries(value)
    if isinstance(value, list):
        result += "[" + ", ".join(map(render, value)) + "]"
    if getattr(value, "__dict__", None):
        result += "." + entries(value.__dict__)
    return result


def made(kind, items=(), **attributes):
    value = kind(items) if items else kind()
    value.__dict__.update(attributes)
    return value


def values():
    shared = [1]
    yield "singletons", [None, True, False], range(6)
    yield "integers", [0, 1, 255, 256, 65535, 65536, -1, 2 ** 31 - 1, -2 ** 31, 2 ** 31, 2 ** 63 - 1, -2 ** 63], (0, 2, 4)
    yield "big integers", [2 ** 63, -2 ** 63 - 1, 0x1950A86A20F9469CFC6C, 2 ** 64, -2 ** 64, 10 ** 30], (0, 2, 4)
    yield "an integer of 300 bytes", 2 ** 2399 - 1, [2]
    yield "floats", [0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), float("-inf")], (0, 2, 4)
    yield "texts", ["", "abc", "\u00e9", "\u6f22", "\U0001f600", "a\nb\\u0041\\\\", "it's"], (0, 2, 4)
    yield "a long text", "x" * 300, [1, 4]
    yield "bytes", [b"", b"abc", b"\x00\x80\xff"], range(6)
    yield "long bytes", b"y" * 300, [3, 4]
    yield "a bytearray", bytearray(b"ab\xff"), range(6)
    yield "tuples", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], (0, 2, 4)
    yield "containers", [[], [1], {}, {"a": 1, 2: "b", (1, "x"): None}, {3}, frozenset([4])], range(6)
    yield "shared values", [shared, shared, {"again": shared}], (0, 2, 4)
    yield "python containers", [
        collections.OrderedDict(a=1), collections.Counter("abb"), collections.defaultdict(list, k=[1]),
        1 - 2j, argparse.Namespace(lr=0.5), types.SimpleNamespace(n=1)], range(6)
    yield "instances", [made(Instance, a=1), Instance, made(Filled, {"k": 1}, b=2), made(Grown, [5])], (2, 4)
    yield "an instance of protocol 0", made(Instance, a=1), [0, 1]


def persistent(protocol):
    file = io.BytesIO()
    value = Storage("404999536") if protocol == 0 else Storage(("storage", "0", 4))
    PersistentPickler(file, protocol).dump([value])
    return [value], file.getvalue()


def by_hand():
    """What no pickler of today writes: the opcodes are put together here, Python says what they mean."""
    def u32(n): return struct.pack("<I", n)
    def u64(n): return struct.pack("<Q", n)
    yield "LIST, DICT, POP, POP_MARK and DUP", b"(I1\nI2\nl(S'a'\nI3\ndI4\n0(I5\nI6\n12\x86\x86."
    yield "APPEND and SETITEM", b"]I1\na}I2\nNs\x86."
    yield "BINUNICODE8 and BINBYTES8", b"\x80\x04\x8d" + u64(2) + b"hi\x8e" + u64(1) + b"z\x86."
    yield "LONG4", b"\x80\x02\x8b" + u32(9) + b"\0" * 8 + b"\1."
    yield "an empty LONG1", b"\x80\x02\x8a\0."
    yield "a LONG1 that repeats its sign", b"\x80\x02\x8a\x0c" + b"\xfe" + b"\xff" * 11 + b"."
    yield "scattered memo slots", b"Nr" + u32(2 ** 32 - 1) + b"0I7\nq\x050j" + u32(2 ** 32 - 1) + b"h\x05\x86."
    yield "a text memo", b"I7\np12\n0g12\n."
    yield "INT with bools and large numbers", b"(I00\nI01\nI-5\nI9223372036854775808\nl."
    yield "LONG with and without its letter", b"(L5L\nL-7\nL0L\nl."
    yield "FLOAT", b"(F1.5\nF-1e3\nFinf\nF7\nl."
    yield "STRING with every escape", br"""S'\x41\101\0\n\r\t\a\b\f\v\\\'\"\q'""" + b"\n."
    yield "UNICODE with both escapes", b"V\\u0041\\U0001f600\\\\u0041\xe9\n."
    yield "INST without arguments", b"(i__main__\nInstance\n(dS'a'\nI1\nsb."
    yield "OBJ without arguments", b"(c__main__\nInstance\no}S'a'\nI1\nsb."
    yield "a slot state", b"c__main__\nInstance\n)\x81N}X\1\0\0\0aK\1s\x86b."
    yield "two states", b"c__main__\nInstance\n)\x81}X\1\0\0\0aK\1sb}(X\1\0\0\0bK\2X\1\0\0\0aK\3ub."
    yield "equal keys", b"}(X\1\0\0\0aK\1X\1\0\0\0bK\2X\1\0\0\0aK\3K\1K\4\x88K\5G\x3f\xf0" + b"\0" * 6 + b"K\6u."
    yield "equal tuples as keys", b"}(K\1X\1\0\0\0a\x86K\1K\1X\1\0\0\0a\x86K\2u."
    yield "pairs to an OrderedDict", b"ccollections\nOrderedDict\n(](]X\1\0\0\0aaK\1aK\2K\3\x86etR."
    yield "FRAME", b"\x80\x04\x95" + u64(2) + b"K\1."
    yield "a list from a set", b"c__builtin__\nlist\n(c__builtin__\nset\n(]K\1atRtR."


def python2(path):
    meanings = {
        "scalars": "[None, True, 1, -1, 1099511627776, 0x" + (2 ** 70).to_bytes(9, "little").hex()
        + ", f3ff8000000000000, 'abc', '<e9>', 'quo<27>te<a><5c>', '<e9><6f22><5c>u', '']",
        "ordered dict": "OrderedDict{'w': 1, 'b': 2}",
        "containers": "[(), (1), {1}, {2}, {'k': [1]}, b61ff, complex[f3ff0000000000000, f4000000000000000]]",
        "instances": "[Old.{'a': 1}, New.{'b': 'x'}]",
        "long str": text("s" * 256),
    }
    for line in subprocess.check_output([path, "-c", PYTHON2], text=True).splitlines():
        name, protocol, data = line.split("\t")
        yield f"Python 2: {name}, protocol {protocol}", meanings[name.split(": ")[-1]], bytes.fromhex(data)


def vectors():
    for name, value, protocols in values():
        seen = set()
        for protocol in protocols:
            data = pickle.dumps(value, protocol)
            # A protocol that adds nothing for this value differs by its number alone.
            if data[2:] not in seen:
                seen.add(data[2:])
                yield f"{name}, protocol {protocol}", render(value), data
    for protocol in 0, 2, 4:
        value, data = persistent(protocol)
        yield f"a persistent id, protocol {protocol}", render(value), data
    for name, data in by_hand():
        # CPython reserves memory for the slot's number.
        meaning = "(None, 7)" if "scattered" in name else render(pickle.loads(data, encoding="latin1"))
        yield name, meaning, data
    if len(sys.argv) > 1:
        yield from python2(sys.argv[1])
    else:
        yield from old_python2()


def old_python2():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Vectors.swift")
    name = None
    for line in (line[4:] for line in open(path).read().split("\n")):
        if line.startswith("# "):
            if name: yield name, meaning, bytes.fromhex(data)
            name, meaning, data = (line[2:] if line.startswith("# Python 2") else None), "", ""
        elif name and line.startswith("= "):
            meaning += line[2:]
        elif name and not line.startswith('"""'):
            data += line
        elif name:
            yield name, meaning, bytes.fromhex(data)
            name = None


def main():
    print("// Made by make_vectors.py; do not edit.\n\nextension Vector {")
    print("  /// Pickles made by real Python, and what they say.\n  static let text = #\"\"\"")
    for name, meaning, data in vectors():
        print("    # " + name)
        while meaning:
            line = meaning[:90].rstrip(" ") if len(meaning) > 90 else meaning
            print("    = " + line)
            meaning = meaning[len(line):]
        data = data.hex()
        for start in range(0, len(data), 94):
            print("    " + data[start:start + 94])
    print('    """#\n}')


main()

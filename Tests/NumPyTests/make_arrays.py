#!/usr/bin/python3
"""Makes the arrays that NumPyTests reads, and manifest.json: what NumPy says that they hold. Needs Debian's python3-numpy."""
import json
from pathlib import Path

import numpy
from numpy.lib import format

FOLDER = Path(__file__).parent / "Arrays"

FLOATS = [0.0, -1.5, 3.140625, 65504.0, -0.0078125, 2.0]
INTEGERS = [0, 1, 2, 100, 127, 5]


def save(name, array, version=None):
    with open(FOLDER / name, "wb") as file:
        format.write_array(file, array, version=version)


def make():
    for kind in ("<f4", ">f4", "<f8", ">f8", "<f2", ">f2"):
        save(f"{'big' if kind[0] == '>' else 'little'}-{kind[1:]}.npy", numpy.array(FLOATS, kind).reshape(2, 3))
    for kind in ("|u1", "|i1", "<i2", ">u2", "<i4", ">i4", "<u4", "<i8", ">u8", "|b1"):
        save(f"integers-{kind[1:]}-{'big' if kind[0] == '>' else 'little'}.npy", numpy.array(INTEGERS, kind))
    base = numpy.array(FLOATS, "<f4")
    for version in (1, 2, 3):
        save(f"version-{version}.npy", base, (version, 0))
    for shape in [(), (1,), (6,), (2, 3), (1, 6, 1), (0,), (3, 0, 2), (6,) + (1,) * 20, (123,), (1234567, 0)]:
        count = int(numpy.prod(shape))
        save("shape-" + "x".join(map(str, shape)) + ".npy", numpy.arange(count, dtype="<f4").reshape(shape))
    save("fortran-vector.npy", numpy.asfortranarray(base))


def make_refused():
    save("refused-fortran.npy", numpy.asfortranarray(numpy.array(FLOATS, "<f4").reshape(2, 3)))
    save("refused-objects.npy", numpy.array([None, "a"], object))
    save("refused-records.npy", numpy.zeros(2, [("x", "<f4"), ("y", "<i4")]))
    save("refused-text.npy", numpy.array(["ab", "c"]))
    save("refused-bytes.npy", numpy.array([b"ab", b"c"]))
    save("refused-dates.npy", numpy.array(["2020-01-01"], "datetime64[D]"))
    save("refused-long-double.npy", numpy.zeros(2, numpy.longdouble))


def manifest():
    for path in sorted(FOLDER.glob("*.npy")):
        if not path.name.startswith("refused"):
            array = numpy.load(path)
            values = array.ravel().tolist() if array.size < 100 else None
            yield {"name": path.name, "shape": array.shape, "values": values}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    make()
    make_refused()
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in manifest())
    (FOLDER / "manifest.json").write_text(f"[\n{rows}\n]\n")

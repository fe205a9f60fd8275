"""Numbers addend + (minuend - subtrahend) * factor / (divisor * sqrt(one + other)), rounded to nearest even by Python's integers.

Writes Roundings.swift: of each case the seven doubles and the patterns as float64, float32, float16 and bfloat16, in hexadecimal.
"""
import math
import pathlib
import random
import struct
from fractions import Fraction

FORMATS = {"float64": (53, -1022, 1024), "float32": (24, -126, 128), "float16": (11, -14, 16), "bfloat16": (8, -126, 128)}


def exact_order(case, bound):
    """The sign of the number less bound."""
    addend, minuend, subtrahend, factor, divisor, one, other = (None if x is None else Fraction(x) for x in case)
    left = (minuend - subtrahend) * factor / divisor
    right = bound - addend
    if one is None:
        return (left > right) - (left < right)
    sign = lambda x: (x > 0) - (x < 0)
    if sign(left) != sign(right):
        return sign(sign(left) - sign(right))
    squares = left * left, right * right * (one + other)
    return sign(squares[0] - squares[1]) * sign(left)


def rounded(case, name):
    """The nearest number of the format, as (sign, units, exponent of the unit)."""
    precision, smallest, _ = FORMATS[name]
    negative = exact_order(case, Fraction(0)) < 0
    if negative:
        case = (-case[0], -case[1], -case[2]) + case[3:]
    # The largest k with 2**k at most the number.
    k = 0
    if exact_order(case, Fraction(0)) == 0:
        return negative, 0, smallest - precision + 1
    while exact_order(case, Fraction(2) ** k) >= 0:
        k += 1
    while k > smallest - 2 and exact_order(case, Fraction(2) ** k) < 0:
        k -= 1
    unit = max(k, smallest) - precision + 1
    low, high = 0, 1 << precision
    while low < high:
        middle = (low + high + 1) // 2
        if exact_order(case, middle * Fraction(2) ** unit) >= 0:
            low = middle
        else:
            high = middle - 1
    order = exact_order(case, (2 * low + 1) * Fraction(2) ** (unit - 1))
    return negative, low + (order > 0 or order == 0 and low % 2 == 1), unit


def pattern(case, name):
    precision, smallest, largest = FORMATS[name]
    negative, units, unit = rounded(case, name)
    value = units * Fraction(2) ** unit
    assert value < Fraction(2) ** largest
    if units == 1 << precision:
        units, unit = units >> 1, unit + 1
    width = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16}[name]
    fraction = precision - 1
    field = 0 if units < 1 << fraction else unit + fraction - smallest + 1
    bits = field << fraction | units & (1 << fraction) - 1
    return bits | (1 << width - 1 if negative else 0)


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def cases(rng):
    # What batch-norms make of weights and of biases.
    for _ in range(60):
        weight, gamma = float32(rng.gauss(0, 0.05)), float32(rng.uniform(0.1, 2))
        variance, mean, beta = float32(rng.uniform(0, 2)), float32(rng.gauss(0, 1)), float32(rng.gauss(0, 1))
        yield (0.0, weight, 0.0, gamma, 1.0, variance, 1e-5)
        yield (beta, weight, mean, gamma, 1.0, variance, 1e-5)
    # Close to the middle of two numbers, by far less than a double shows: the variance is made for it.
    for name in ["float32", "float16", "bfloat16", "float64"]:
        precision = FORMATS[name][0]
        for _ in range(12):
            middle = Fraction(2 * rng.getrandbits(precision - 1) + (1 << precision) + 1, 1 << precision + 4)
            weight, gamma = float32(rng.uniform(0.5, 1)), float32(rng.uniform(0.5, 1))
            variance = (Fraction(weight) * Fraction(gamma) / middle) ** 2
            one = float(variance)
            yield (0.0, weight, 0.0, gamma, 1.0, one, float(variance - Fraction(one)))
    # In the middle, exactly; and a product that is a double, by a root that is one.
    for units in range(2049, 2057, 2):
        yield (0.0, float(units), 0.0, 1.0, 1.0, 4.0, 0.0)
        yield (0.0, -float(units), 0.0, 3.0, 3.0, 0.25, 0.0)
        yield (float(units), 0.0, 0.0, 1.0, 1.0, None, None)
        yield (0.0, 3.0 * units, 0.0, 1.0, 1.0, 9.0, 0.0)
    # What is left where nearly all cancels, and what is subnormal.
    for _ in range(12):
        mean, gamma, variance = float32(rng.gauss(0, 1)), float32(rng.uniform(0.5, 1)), float32(rng.uniform(0.5, 2))
        beta = mean * gamma / math.sqrt(variance + 1e-5)
        yield (beta, 0.0, mean, gamma, 1.0, variance, 1e-5)
        yield (0.0, weight * 2.0 ** -rng.randrange(12, 150), 0.0, gamma, 1.0, variance, 1e-3)
    # Another eps; pixels that are normalised.
    for _ in range(12):
        yield (float32(rng.uniform(0, 1)), 1.001e-5, 1e-5, 1.0, 1.0, None, None)
        yield (0.0, float32(rng.gauss(0, 1)), 0.0, 1 / 255, 0.229, None, None)
    yield (1.0, 0.0, 1e-5, 1.0, 1.0, None, None)
    yield (0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1e-5)


def main():
    lines = []
    for case in cases(random.Random(20261128)):
        numbers = [struct.pack(">d", x).hex() if x is not None else "-" for x in case]
        digits = {"float64": 16, "float32": 8, "float16": 4, "bfloat16": 4}
        lines.append(" ".join(numbers + [f"{pattern(case, name):0{digits[name]}x}" for name in FORMATS]))
    text = "\n".join("    " + line for line in lines)
    target = pathlib.Path(__file__).with_name("Roundings.swift")
    target.write_text(
        "// Made by make_roundings.py; do not edit.\n\nextension Rounding {\n"
        "  /// Seven doubles, a dash where there is no root, and the number that they say as each dtype.\n"
        f'  static let text = """\n{text}\n    """\n}}\n')


main()

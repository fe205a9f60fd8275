"""Samples/check_fold.py, which knows nothing of Resect's arithmetic, on what the resect executable folds.

usage: RESECT=PATH python3 -m pytest Tests/Peers/test_check_fold.py

Needs Debian 12's python3-numpy and python3-pytest.
"""
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "Samples" / "digits" / "digits-resnet20.pth"


def resect(*arguments):
    done = subprocess.run([os.environ["RESECT"], *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def check(before, after):
    command = [sys.executable, ROOT / "Samples" / "check_fold.py", before, after]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_every_folded_weight_is_the_exact_number_rounded_once(tmp_path, dtype):
    shown = resect("fold-bn", DIGITS, tmp_path / "folded.safetensors", "--dtype", dtype, "--allow-different-code")
    assert "certified: 271,402 of 271,402 weights" in shown
    status, output = check(DIGITS, tmp_path / "folded.safetensors")
    assert status == 0 and "271,402 of 271,402 weights are the exact number" in output, output


def test_resect_files_are_checked_too(tmp_path):
    resect("export", DIGITS, tmp_path / "before.resect")
    resect("export", DIGITS, tmp_path / "after.resect", "--fold-bn", "--dtype", "f16")
    status, output = check(tmp_path / "before.resect", tmp_path / "after.resect")
    assert status == 0, output


@pytest.mark.parametrize("dtype, numpy_type", [("f32", "<u4"), ("f16", "<u2")])
def test_a_thousand_weights_off_by_one_unit_are_all_found(tmp_path, dtype, numpy_type):
    folded = tmp_path / "folded.safetensors"
    resect("fold-bn", DIGITS, folded, "--dtype", dtype, "--allow-different-code")
    data = bytearray(folded.read_bytes())
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    entry = header["layer3.1.conv2.weight"]
    start, end = (8 + length + offset for offset in entry["data_offsets"])
    bits = np.frombuffer(bytes(data[start:end]), numpy_type).copy()
    places = np.random.default_rng(7).choice(bits.size, 1000, replace=False)
    bits[places] ^= 1
    data[start:end] = bits.tobytes()
    folded.write_bytes(data)
    status, output = check(DIGITS, folded)
    assert status == 1
    assert "270,402 of 271,402 weights are the exact number" in output, output


def test_another_eps_and_a_lost_batch_norm_are_found(tmp_path):
    folded = tmp_path / "folded.safetensors"
    resect("fold-bn", DIGITS, folded, "--epsilon", "1e-4", "--allow-different-code")
    assert check(DIGITS, folded)[0] == 1
    status, output = check(DIGITS, DIGITS)
    assert status == 1 and "270,752" not in output

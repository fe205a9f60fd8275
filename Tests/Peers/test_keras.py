"""Compares the forward pass of the resect executable with Keras' on files that Keras writes, with random weights and statistics.

usage: RESECT=PATH python3 -m pytest Tests/Peers/test_keras.py

  RESECT        the executable under test
  KERAS_PYTHON  a Python with Keras 3 and its backend, as Tests/run.sh installs it; by default the running one

keras.applications' networks are run on small images: their names, biases, strides, eps and paddings are what they are on large
ones. A logit may differ by 2e-5 of the largest, where that is over 1.
"""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

if "RESECT" not in os.environ:
    pytest.exit("set RESECT to the executable under test", returncode=2)

NETWORKS = Path(__file__).resolve().parents[1] / "Fixtures" / "keras"
TOLERANCE = 2e-5
# Builds the network that is named by an expression, and writes it, an input and the logits before its softmax.
WRITE = """
import sys
import h5py, keras, numpy as np
from keras.src.legacy.saving import legacy_h5_format
from networks import Networks, inputs, logits, randomise
expression, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model = eval(expression, {"keras": keras, "new": Networks(keras), "size": size})
randomise(model)
images = inputs(expression, np.random.default_rng(1), 2, size)
np.save(f"{folder}/x.npy", np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
np.save(f"{folder}/y.npy", logits(model, images))
model.save(f"{folder}/model.keras")
model.save(f"{folder}/model.h5")
model.save_weights(f"{folder}/model.weights.h5")
with h5py.File(f"{folder}/names.h5", "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, model)
"""
WHOLE, NAMES = ["model.keras", "model.h5"], ["model.weights.h5", "names.h5"]
# What fold-bn makes of model.keras.
FOLDED = "folded.resect"
APPLICATION = "keras.applications.{}(weights=None, input_shape=(size, size, 3), classes=10)"


@pytest.mark.parametrize("expression, size, files", [
    (APPLICATION.format("ResNet50"), 67, WHOLE + NAMES),
    (APPLICATION.format("ResNet50V2"), 67, WHOLE + NAMES),
    (APPLICATION.format("ResNet101"), 40, NAMES),
    (APPLICATION.format("ResNet101V2"), 40, NAMES),
    ("new.home_made(size)", 32, WHOLE),
    ("new.home_made(size)", 33, WHOLE),
    ("new.bottlenecks(size)", 64, WHOLE),
    ("new.bottlenecks(size, pool='valid')", 61, WHOLE),
    ("new.applications(1)", 45, WHOLE + NAMES),
    ("new.applications(2)", 45, WHOLE + NAMES),
    ("new.before_2019(size)", 64, WHOLE),
    ("new.before_2019(size, pads=True)", 63, WHOLE + NAMES[1:]),
    ("new.within()", 45, WHOLE),
    ("new.prepared(size)", 64, WHOLE),
    ("new.prepared(size, learnt=False)", 61, WHOLE),
    ("new.input_projections(size)", 32, WHOLE),
    ("new.home_made(size, prepared=True)", 32, WHOLE),
    ("new.prepared_application(1)", 45, WHOLE),
    ("new.prepared_application(2)", 45, WHOLE),
    # No ResNets.
    (APPLICATION.format("VGG16"), 48, WHOLE),
    (APPLICATION.format("MobileNet"), 64, WHOLE + [FOLDED]),
    (APPLICATION.format("MobileNetV2"), 64, WHOLE + [FOLDED]),
    (APPLICATION.format("MobileNetV3Small"), 64, WHOLE + [FOLDED]),
    (APPLICATION.format("DenseNet121"), 64, WHOLE + [FOLDED]),
    (APPLICATION.format("InceptionV3"), 80, WHOLE + [FOLDED]),
    (APPLICATION.format("EfficientNetB0"), 64, WHOLE + [FOLDED]),
    ("new.many_layers(size)", 21, WHOLE + [FOLDED]),
    ("new.many_layers(size)", 34, WHOLE),
])
def test_forward(expression, size, files, tmp_path):
    python = os.environ.get("KERAS_PYTHON", sys.executable)
    quiet = os.environ | {"PYTHONPATH": str(NETWORKS), "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([python, "-W", "ignore", "-c", WRITE, expression, str(size), str(tmp_path)],
                          capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr
    allowed = TOLERANCE * max(1, abs(np.load(tmp_path / "y.npy")).max())
    for file in files:
        if file == FOLDED:
            done = subprocess.run([os.environ["RESECT"], "fold-bn", str(tmp_path / "model.keras"), str(tmp_path / file)],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        command = [os.environ["RESECT"], "run", str(tmp_path / file), "--input", str(tmp_path / "x.npy"), "--expect",
                   str(tmp_path / "y.npy"), "--tolerance", f"{allowed:.9f}"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{file}: {done.stdout}{done.stderr}"

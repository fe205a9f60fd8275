#!/usr/bin/env bash
# Builds, checks and tests everything, as continuous integration does.
#
# usage: Tests/run.sh
# Installs what is missing (Debian packages, as root or with sudo). RESECT_PEERS=quick compares two of torchvision's
# ResNets with torch instead of all nine.
set -euo pipefail
cd "$(dirname "$0")/.."
source Samples/install.sh

require_swift
require_packages "${build_packages[@]}" python3 python3-torch python3-torchvision python3-numpy python3-pytest python3-pip python3-venv python3-h5py

# Packages of other frameworks that Debian does not have, in versions that its torch runs.
peer_packages=$PWD/.build-peers
peer_versions="timm==0.9.16 transformers==4.30.2 tokenizers==0.13.3 huggingface_hub==0.16.4 safetensors==0.4.5"
if [[ $(cat "$peer_packages/versions" 2>/dev/null) != "$peer_versions" ]]; then
  say "installing $peer_versions"
  rm -rf "$peer_packages"
  # shellcheck disable=SC2086
  /usr/bin/python3 -m pip install --quiet --no-deps --target "$peer_packages" $peer_versions \
    pyyaml regex requests tqdm filelock packaging fsspec typing_extensions urllib3 idna certifi charset-normalizer
  echo "$peer_versions" >"$peer_packages/versions"
fi

# Keras in an environment of its own: it needs another numpy than Debian's torch.
keras=$PWD/.build-keras
keras_versions="keras==3.15.1 tensorflow-cpu==2.21.0 h5py==3.14.0 pytest"
if [[ $(cat "$keras/versions" 2>/dev/null) != "$keras_versions" ]]; then
  say "installing $keras_versions"
  rm -rf "$keras"
  /usr/bin/python3 -m venv "$keras"
  # shellcheck disable=SC2086
  "$keras/bin/python" -m pip install --quiet $keras_versions
  echo "$keras_versions" >"$keras/versions"
fi

say "formatting"
swift format lint --strict --recursive Package.swift Sources Tests

# One build serves the comparison with torch and the tests: optimised, as users have it, with internals open to tests.
build=(--configuration release -Xswiftc -enable-testing)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say "building; imports have to be declared"
swift build "${build[@]}" --build-tests --explicit-target-dependency-import-check error

say "documentation"
for room in Bytes Tensors Graphs Zip Pickle HDF5 HDF5Library Checkpoints ResNets Images NumPy Naming Surgery NativeFormat Inference ""; do
  swift package --scratch-path .build-docs generate-documentation --target "Resect$room" --warnings-as-errors >"$log" 2>&1 ||
    { cat "$log"; fail "the documentation of Resect$room has warnings"; }
done
echo "no warnings"

say "a surgery of a program's own, in a package of its own"
Samples/OwnSurgery/run.sh >"$log" 2>&1 || { cat "$log"; fail "the sample cannot be built and run"; }
grep '^measured' "$log" || { cat "$log"; fail "the sample's surgery was not measured"; }

say "against torch, torchvision, timm and transformers"
export RESECT
RESECT=$(swift build "${build[@]}" --show-bin-path)/resect
RESECT_PEER_PACKAGES=$peer_packages KERAS_PYTHON=$keras/bin/python /usr/bin/python3 -W ignore -m pytest -q -p no:cacheprovider -rs Tests/Peers --ignore Tests/Peers/test_keras.py

say "against Keras"
"$keras/bin/python" -W ignore -m pytest -q -p no:cacheprovider Tests/Peers/test_keras.py Tests/Peers/test_writers.py

say "tests"
swift test "${build[@]}" --skip-build >"$log" 2>&1 || { grep -v '^[◇✔↳]' "$log"; fail "tests failed"; }
grep 'skipped:' "$log" || true
grep 'Test run with' "$log"

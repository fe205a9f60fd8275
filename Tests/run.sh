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
require_packages "${build_packages[@]}" python3 python3-torch python3-torchvision python3-numpy python3-pytest

say "formatting"
swift format lint --strict --recursive Package.swift Sources Tests

say "building; imports have to be declared"
swift build --build-tests --explicit-target-dependency-import-check error

say "documentation"
for target in Bytes Tensors Zip Pickle Checkpoints ResNets Naming Surgery NativeFormat Resect; do
  swift package --scratch-path .build-docs generate-documentation --target "$target" --warnings-as-errors >.build/documentation.log 2>&1 ||
    { cat .build/documentation.log; fail "the documentation of $target has warnings"; }
done
echo "no warnings"

say "against torch"
swift build -c release --product resect 2>&1 | tail -n 1
RESECT=$(swift build -c release --show-bin-path)/resect /usr/bin/python3 -m pytest -q -p no:cacheprovider Tests/Peers

say "tests"
# Failures, skips and the summary; not the thousands of tests that pass.
swift test --skip-build 2>&1 | awk '/Test run with/ || !/^[^ ]+ (Test|Suite) .*(started\.|passed after)/'

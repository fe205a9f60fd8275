#!/usr/bin/env bash
# Builds the sample and removes a block of the digits' network, then inspects what was written.
#
# usage: Samples/OwnSurgery/run.sh [OUT.resect]
# RESECT names the command line where it is built already.
set -euo pipefail
cd "$(dirname "$0")"
digits=../digits
output=${1:-$(mktemp -d)/digits-cut.resect}
swift build --scratch-path ../../.build-own-surgery
../../.build-own-surgery/debug/OwnSurgery "$digits/digits-resnet20.pth" "$output"
if [[ -n ${RESECT:-} ]]; then "$RESECT" inspect "$output" --depth 0; fi

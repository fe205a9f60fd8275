#!/usr/bin/env bash
# Builds resect and runs the main job on the sample checkpoint: inspect it, export it folded, classify with it, split it, join
# it again.
#
# usage: Samples/quickstart.sh
# Installs what is missing (Debian packages, as root or with sudo). The results go to a temporary folder, which is shown.
set -euo pipefail
cd "$(dirname "$0")/.."
source Samples/install.sh

require_swift
require_packages "${build_packages[@]}"

say "building (the first time takes a minute or two)"
build=(swift build -c release)
# One file that starts in milliseconds, where the toolchain has the static libraries.
[[ $(uname) != Linux ]] || build+=(--static-swift-stdlib)
for product in resect resect-hdf5; do
  "${build[@]}" --product "$product" 2>&1 | tail -n 1
done
resect=$("${build[@]}" --show-bin-path)/resect

sample=Samples/digits/digits-resnet20.pth
out=$(mktemp -d)
run() {
  printf '\n$ resect %s\n' "$*"
  "$resect" "$@"
}

say "what is in the checkpoint"
run inspect "$sample" --depth 1

say "a folded, compact model"
run export "$sample" "$out/digits.resect" --fold-bn --dtype f16 \
  --labels Samples/digits/labels.txt --preprocessing Samples/digits/preprocessing.json
run inspect "$out/digits.resect" --depth 1

say "it reads digits that it has never seen"
run classify "$out/digits.resect" Samples/digits/images/{three,seven}-*.png --top 2
printf '\n$ resect classify digits.resect Samples/digits/heldout --top 1\n'
"$resect" classify "$out/digits.resect" Samples/digits/heldout --top 1 |
  awk 'NR > 1 { name = $1; sub(".*/", "", name); sub("-.*", "", name); right += name == $2 }
       END { printf "%d of %d held-out digits right: %.2f %%\n", right, NR - 1, 100 * right / (NR - 1) }'

say "two models: a backbone and an embedding of the classes"
run split "$sample" --backbone "$out/backbone.resect" --classes "$out/classes.resect" --labels Samples/digits/labels.txt
run inspect "$out/classes.resect"
run join "$out/backbone.resect" "$out/classes.resect" "$out/joined.safetensors"
run diff "$sample" "$out/joined.safetensors"

say "what came out"
(cd "$out" && ls -l -- *)
echo "in $out"

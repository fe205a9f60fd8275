#!/bin/bash
# Measures resect side by side with cp, torch and torchinfo, and says whether it keeps its limits.
#
# usage: [RESECT=PATH] Tests/Benchmarks/run.sh [--update] [--rounds N] [--unsettled]
#
#   RESECT=PATH  measure this executable instead of building one
#   --update     write the results into Docs/Benchmarks.md
#   --rounds N   how often everything is repeated (7)
#   --unsettled  give the disk no time between runs (measure.py says more)
#
# What it needs is installed or made the first time: Debian packages (as root, or with sudo), two Python packages and two
# checkpoints. All but the first lie in ${XDG_CACHE_HOME:-~/.cache}/resect-benchmarks, which may be deleted; 2 GB.
#
# Exit status: 0 every limit is kept, 1 one is missed, 2 it could not be measured.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/resect-benchmarks
resect=${RESECT:+$(realpath -m "$RESECT")}

# The packages that a build needs.
. "$root/Samples/install.sh"

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 2
}
trap 'fail "stopped at line $LINENO"' ERR

usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "${BASH_SOURCE[0]}"; }
options=("$@")
while (($#)); do
  case $1 in
    --update | --unsettled) shift ;;
    --rounds) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || fail "--rounds takes a number from 1 to 99"; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
  esac
done

[[ -z $resect || -x $resect ]] || fail "RESECT: no executable at $resect"

# Debian's torch is built for Debian's Python.
packages=(python3-torch python3-torchvision python3-venv time)
[[ -n $resect ]] || packages+=("${build_packages[@]}")
command -v dpkg-query >/dev/null || fail "this measures on Debian: it needs ${packages[*]}"
installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]})); then
  as_root=()
  if ((EUID)); then
    command -v sudo >/dev/null || fail "as root, first: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}"
fi

python=$cache/python/bin/python
"$python" -m pip --version >/dev/null 2>&1 || /usr/bin/python3 -m venv --clear --system-site-packages "$cache/python"
# --no-deps: the versions of torch and numpy stay Debian's.
"$python" -m pip install --quiet --disable-pip-version-check --no-deps safetensors==0.8.0 torchinfo==1.8.0

built=
if [[ -z $resect ]]; then
  command -v swift >/dev/null || fail "Swift is missing: install it from https://www.swift.org/install, or set RESECT"
  build=(swift build --package-path "$root" -c release --static-swift-stdlib)
  "${build[@]}" --product resect >&2
  "${build[@]}" --product resect-hdf5 >&2
  resect=$("${build[@]}" --show-bin-path)/resect
  commit=$(git -C "$root" describe --always --dirty --abbrev=10 2>/dev/null || echo "no commit")
  built="$commit, $(swift --version 2>/dev/null | grep -o 'Swift version [0-9.]*')"
fi
"$python" "$here/make_inputs.py" "$cache/checkpoints" resnet50 resnet152

trap - ERR
exec /usr/bin/python3 "$here/measure.py" \
  --resect "$resect" --built "$built" --python "$python" --folder "$cache" "${options[@]}"

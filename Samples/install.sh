# Shell functions that install what a build needs. Sourced by quickstart.sh and by Tests/run.sh.

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

require_swift() {
  command -v swift >/dev/null || fail "Swift 6.2 or later is needed: install it from https://swift.org/install and put it on PATH"
}

# require_packages DEBIAN_PACKAGE...: installs those that are missing, or says what to install where that cannot be done.
require_packages() {
  if ! command -v dpkg-query >/dev/null; then
    if command -v brew >/dev/null; then
      for formula in libzip libdeflate openssl@3 hdf5 onednn jpeg-turbo libspng; do
        brew list --versions "$formula" >/dev/null 2>&1 || fail "missing $formula: brew install libzip libdeflate openssl@3 hdf5 onednn jpeg-turbo libspng"
      done
      return
    fi
    fail "this is no Debian and brew is not there: install libzip, libdeflate, OpenSSL 3, HDF5, libjpeg-turbo and libspng with their headers by your system's own means"
  fi
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local become=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "run as root, or install first: apt-get install ${missing[*]}"
    become=(sudo)
  fi
  say "installing ${missing[*]}"
  "${become[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${become[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# What the package links against. libhdf5-dev is for the Keras reader.
build_packages=(libzip-dev libhdf5-dev libdeflate-dev libssl-dev libdnnl-dev libturbojpeg0-dev libspng-dev pkg-config git)

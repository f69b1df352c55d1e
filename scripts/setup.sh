#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# scripts/setup.sh [--sanitizers]: installs what qfmt needs and says what it
# does: missing Debian packages, and a Python virtual environment .venv with the
# packages of requirements.txt. Does nothing where nothing is missing. Uses sudo
# if not run as root. --sanitizers adds what the preset asan needs.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# LLVM 22 with MLIR and what its CMake package asks for, the build tools, the
# libraries that qfmt links, a Vulkan device that is a processor, the data of
# the example.
packages=(
  clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  zlib1g-dev libxml2-dev libffi-dev libomp-22-dev
  cmake ninja-build ccache
  libgtest-dev libbenchmark-dev coinor-libcbc-dev libeigen3-dev
  libvulkan-dev mesa-vulkan-drivers spirv-tools
  python3 python3-venv
  dataset-fashion-mnist
)

case "${1:-}" in
  "") ;;
  --sanitizers) packages+=(libclang-rt-22-dev) ;;
  *)
    echo "usage: scripts/setup.sh [--sanitizers]" >&2
    exit 2
    ;;
esac

say() { echo "setup: $*"; }

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    if [[ "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" != "install ok installed" ]]; then
      missing+=("$package")
    fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    say "Debian packages: all ${#packages[@]} are there"
    return
  fi
  local as_root=()
  if [[ "$(id -u)" -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      say "error: not root and no sudo; install these packages and try again: ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  say "Debian packages: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}"
}

install_python() {
  local venv="$root/.venv" requirements="$root/scripts/requirements.txt"
  # Debian's interpreter, whatever else PATH holds: the pins are for it.
  local python=/usr/bin/python3
  if [[ -e "$venv" ]] && ! "$venv/bin/python" -c '' 2>/dev/null; then
    say "Python: $venv does not run, making it anew"
    rm -rf "$venv"
  fi
  if [[ ! -e "$venv" ]]; then
    say "Python: making the virtual environment $venv"
    "$python" -m venv "$venv"
  fi

  # `import qfmt` finds the package of this checkout.
  local site
  site="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  if [[ "$(cat "$site/qfmt.pth" 2>/dev/null)" != "$root/python" ]]; then
    say "Python: letting the environment find $root/python"
    echo "$root/python" >"$site/qfmt.pth"
  fi

  # Written last, so that an interrupted installation is done again.
  local stamp="$venv/requirements.sha256" hash
  hash="$(sha256sum "$requirements" | cut -d' ' -f1)"
  if [[ "$(cat "$stamp" 2>/dev/null)" == "$hash" ]]; then
    say "Python: the packages of scripts/requirements.txt are there"
    return
  fi
  say "Python: installing the packages of scripts/requirements.txt"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --requirement "$requirements"
  echo "$hash" >"$stamp"
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "error: this is not Debian; install the equivalents of these packages: ${packages[*]}" >&2
  exit 1
fi
install_packages
install_python

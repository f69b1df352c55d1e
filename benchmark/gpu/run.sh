#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# benchmark/gpu/run.sh [--json=FILE] [--verify-only] CASES...: builds
# qfmt-benchmark-gpu with nothing but a C++17 compiler ($CXX, or the first of
# c++, g++, clang++) and runs it on what cases.py has made. For machines with an
# NVIDIA GPU and its driver, and without LLVM or qfmt. Exit status 77 without a
# GPU; otherwise main.cpp says.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
runtime="$here/../../lib/Runtime/GPU"

compiler="${CXX:-}"
for candidate in c++ g++ clang++ clang++-22; do
  [[ -n "$compiler" ]] || compiler="$(command -v "$candidate" || true)"
done
if [[ -z "$compiler" ]]; then
  echo "no C++ compiler: set CXX" >&2
  exit 1
fi

program="$(mktemp -d)/qfmt-benchmark-gpu"
trap 'rm -rf "$(dirname "$program")"' EXIT
"$compiler" -std=c++17 -O2 -pthread -I"$runtime" -I"$here" -o "$program" \
  "$here"/{Case,Peers,Replay,Report,Timer,Trace,main}.cpp \
  "$runtime"/Cuda{Driver,Launch,Memory,Modules,Session,Streams,TensorMaps}.cpp \
  "$runtime"/{ConstantCache,DeviceOptions,ErrorSlot,LaunchSize}.cpp -ldl
"$program" "$@"

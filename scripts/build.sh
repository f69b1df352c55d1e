#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# scripts/build.sh PRESET [TARGET...]: configures and builds a preset of
# CMakePresets.json; all of it if no target is named.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
preset="${1:?usage: scripts/build.sh PRESET [TARGET...]}"
shift

# A job a core, but 2 GB of memory for each: MLIR's headers are large.
jobs="$(nproc)"
memory_jobs="$(awk '/^MemAvailable:/ { print int($2 / 2000000) }' /proc/meminfo)"
if [[ -n "$memory_jobs" && "$memory_jobs" -lt "$jobs" ]]; then
  jobs="$((memory_jobs > 0 ? memory_jobs : 1))"
fi

targets=()
if [[ $# -gt 0 ]]; then
  targets=(--target "$@")
fi
# Presets are read from the current directory.
cd "$root"
cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}"

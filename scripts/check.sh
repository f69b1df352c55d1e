#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# scripts/check.sh [--full]: installs what is missing, builds everything and
# runs all tests: GoogleTest through ctest, lit, pytest. --full runs them on
# more and larger cases (the environment variable QFMT_FULL), and unit and lit
# tests once more with the address and undefined-behaviour sanitizers.
#
# The last line is `N passed, N failed`, summed over all of them. The exit
# status is 0 only if every runner succeeded and ran at least one test.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

full=false
case "${1:-}" in
  "") ;;
  --full)
    full=true
    export QFMT_FULL=1
    ;;
  *)
    echo "usage: scripts/check.sh [--full]" >&2
    exit 2
    ;;
esac

say() { echo; echo "== $* (after $((SECONDS / 60)) min $((SECONDS % 60)) s)"; }

# What comes before the tests: its failure is one failure.
prepare() {
  if ! "$@"; then
    echo "check: '$*' failed, no test was run" >&2
    echo "0 passed, 1 failed"
    exit 1
  fi
}

results="$root/build/test-results"
summaries=()

# run_tests NAME BUILD_DIR: unit and lit tests of one build.
run_tests() {
  local name="$1" build="$2" status lit
  say "unit tests, $name"
  # Each GoogleTest program writes its cases to a file of its own.
  GTEST_OUTPUT="xml:$results/$name-unit/" ctest --test-dir "$build" --output-on-failure --no-tests=error \
    --output-junit "$results/$name-unit.xml"
  status=$?
  summaries+=("$name-unit" "$status")

  say "lit tests, $name"
  lit="$(sed -n 's/^QFMT_LIT:FILEPATH=//p' "$build/CMakeCache.txt")"
  "$lit" -sv --xunit-xml-output "$results/$name-lit.xml" "$build/test"
  status=$?
  summaries+=("$name-lit" "$status")
}

say "setup"
if $full; then
  prepare scripts/setup.sh --sanitizers
else
  prepare scripts/setup.sh
fi
say "build"
prepare scripts/build.sh dev
rm -rf "$results"
mkdir -p "$results"

# glibc fills memory that is freed, and new memory: what reads it without
# having written it fails in most runs, not in a few of a hundred.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.tcache_count=0:glibc.malloc.perturb=165}"

run_tests dev "$root/build"

say "Python tests"
# On all cores: most of the time is one tool after the other.
.venv/bin/python -m pytest -q -n auto --dist worksteal --junitxml "$results/python.xml" test/python
summaries+=(python "$?")

if $full; then
  say "build with sanitizers"
  prepare scripts/build.sh asan
  # libMLIR's own allocations at exit are not ours to free.
  # Our code and libMLIR share bump allocators, of which only ours would mark
  # what is free.
  # Tests ask for more memory than there is, for which malloc returns null.
  export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0:allow_user_poisoning=0:allocator_may_return_null=1}"
  run_tests asan "$root/build-asan"
fi

say "summary"
exec .venv/bin/python scripts/summarize_tests.py "$results" "${summaries[@]}"

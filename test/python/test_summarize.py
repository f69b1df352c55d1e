# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""scripts/summarize_tests.py must not hide a failure."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "summarize_tests.py"
PASSED = '<testcase name="a"/>'
FAILED = '<testcase name="b"><failure message="no"/></testcase>'
ERROR = '<testcase name="c"><error message="no"/></testcase>'
SKIPPED = '<testcase name="d"><skipped/></testcase>'


def summarize(folder: Path, *runners) -> tuple[int, str]:
    command = [sys.executable, str(SCRIPT), str(folder), *map(str, runners)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()[-1]


def write(path: Path, *cases: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")


def test_adds_up_all_runners(tmp_path):
    write(tmp_path / "lit.xml", PASSED, PASSED, SKIPPED)
    write(tmp_path / "python.xml", PASSED)
    assert summarize(tmp_path, "lit", 0, "python", 0) == (0, "3 passed, 0 failed")


@pytest.mark.parametrize("case", [FAILED, ERROR])
def test_counts_failures(tmp_path, case):
    write(tmp_path / "lit.xml", PASSED, case)
    assert summarize(tmp_path, "lit", 1) == (1, "1 passed, 1 failed")
    # Whatever the runner says of itself.
    assert summarize(tmp_path, "lit", 0) == (1, "1 passed, 1 failed")


def test_runner_that_failed_without_a_failing_test(tmp_path):
    write(tmp_path / "lit.xml", PASSED)
    assert summarize(tmp_path, "lit", 2) == (1, "1 passed, 1 failed")


def test_runner_that_ran_nothing(tmp_path):
    write(tmp_path / "lit.xml", SKIPPED)
    assert summarize(tmp_path, "lit", 0) == (1, "0 passed, 1 failed")


def test_runner_that_left_nothing_or_half_a_file(tmp_path):
    assert summarize(tmp_path, "lit", 0) == (1, "0 passed, 1 failed")
    (tmp_path / "lit.xml").write_text("<testsuites><testsuite>")
    assert summarize(tmp_path, "lit", 0) == (1, "0 passed, 1 failed")


def test_no_runner(tmp_path):
    assert summarize(tmp_path) == (1, "0 passed, 1 failed")


def test_cases_of_a_program_count_instead_of_it(tmp_path):
    write(tmp_path / "unit.xml", '<testcase name="numbers" status="run"/>', PASSED)
    write(tmp_path / "unit" / "numbers.xml", PASSED, PASSED, PASSED)
    assert summarize(tmp_path, "unit", 0) == (0, "4 passed, 0 failed")
    # One that crashed after it wrote its results.
    write(tmp_path / "unit.xml", '<testcase name="numbers" status="fail"/>')
    assert summarize(tmp_path, "unit", 8) == (1, "3 passed, 1 failed")

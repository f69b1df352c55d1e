# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adds up test results: summarize_tests.py FOLDER (NAME EXIT_STATUS)...

Runner NAME has left JUnit XML in FOLDER/NAME.xml. Where FOLDER/NAME/T.xml
exists, test T was a GoogleTest program and its cases count instead of it.

Nothing may hide a failure: a runner that failed without a failing test, left
no result or ran no test counts as one failure. The last line is
`N passed, N failed`; exit status 1 if anything failed.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


class Counts:
    def __init__(self, passed: int = 0, failed: int = 0, skipped: int = 0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def count_case(case: ElementTree.Element) -> Counts:
    # GoogleTest says status="notrun" of a disabled test, ctest "disabled".
    if case.find("failure") is not None or case.find("error") is not None:
        return Counts(failed=1)
    if case.get("status") == "fail":
        return Counts(failed=1)
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return Counts(skipped=1)
    return Counts(passed=1)


def count_file(path: Path, programs: Path) -> Counts:
    total = Counts()
    for case in ElementTree.parse(path).iter("testcase"):
        counts = count_case(case)
        program = programs / f"{case.get('name')}.xml"
        if program.exists():
            cases = count_file(program, programs / "none")
            # A program that died after its last test, or before it wrote.
            if counts.failed and not cases.failed:
                cases.failed = 1
            counts = cases
        total.add(counts)
    return total


def count_runner(folder: Path, name: str, status: int) -> tuple[Counts, str]:
    """What a runner did, and what is wrong beyond failing tests."""
    try:
        counts = count_file(folder / f"{name}.xml", folder / name)
    except (OSError, ElementTree.ParseError) as error:
        return Counts(failed=1), f"no readable result: {error}"
    if counts.passed + counts.failed == 0:
        return Counts(failed=1, skipped=counts.skipped), "ran no test"
    if status != 0 and not counts.failed:
        counts.failed = 1
        return counts, f"exit status {status} without a failing test"
    return counts, ""


def main(arguments: list[str]) -> int:
    folder, rest = Path(arguments[0]), arguments[1:]
    total = Counts()
    if not rest:
        total.failed = 1
    for name, status in zip(rest[::2], rest[1::2]):
        counts, problem = count_runner(folder, name, int(status))
        total.add(counts)
        print(
            f"{name}: {counts.passed} passed, {counts.failed} failed, "
            f"{counts.skipped} skipped{': ' if problem else ''}{problem}"
        )
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

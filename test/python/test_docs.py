# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The documents agree with the code: examples parse, labels and files exist."""

import re
import subprocess
from pathlib import Path

import pytest

from qfmt.tools import find_tool

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").glob("*.md"))]
LABEL = re.compile(r"\bC[0-9]+\b")


def examples():
    for document in DOCUMENTS:
        blocks = re.findall(r"^```mlir\n(.*?)^```", document.read_text(), re.M | re.S)
        for number, block in enumerate(blocks):
            yield pytest.param(block, id=f"{document.name}-{number}")


@pytest.mark.parametrize("example", examples())
def test_examples_parse_and_round_trip(example):
    done = subprocess.run(
        [find_tool("qfmt-opt"), "--verify-roundtrip"],
        input=example,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def spec_labels() -> list[str]:
    return re.findall(r"\*\*(C[0-9]+)\*\*", (ROOT / "docs" / "spec.md").read_text())


def sources():
    for folder in ("include", "lib"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".td"):
                yield path


def test_spec_defines_each_label_once():
    labels = spec_labels()
    assert labels and len(labels) == len(set(labels))


def test_labels_in_sources_and_tests_are_defined():
    defined = set(spec_labels())
    for path in sources():
        unknown = set(LABEL.findall(path.read_text())) - defined
        assert not unknown, path
    used = re.findall(r"@c([0-9]+)_", (ROOT / "test/IR/invalid.mlir").read_text())
    assert used and {f"C{number}" for number in used} <= defined


def test_files_that_documents_name_exist():
    named = re.compile(
        r"(?<![\w/.-])((?:docs|test|unittests|scripts|examples|include|lib|cmake|python)/[\w/.-]+\.\w+)"
    )
    for document in DOCUMENTS:
        for name in named.findall(document.read_text()):
            assert (ROOT / name).exists(), f"{document.name}: {name}"

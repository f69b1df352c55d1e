# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the C++ tools are looked for, and what a failed tool leads to."""

import pytest

from qfmt import tools
from qfmt.errors import UserError


def make_tool(directory, text: str):
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "some-tool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The three places, none of which holds a tool yet."""
    monkeypatch.setattr(tools, "_CHECKOUT", tmp_path / "checkout")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("QFMT_BIN_DIR", raising=False)
    return tmp_path


def test_environment_comes_before_checkout_before_path(places, monkeypatch):
    last = make_tool(places / "path", "true")
    assert tools.find_tool("some-tool") == last
    second = make_tool(places / "checkout" / "build" / "bin", "true")
    assert tools.find_tool("some-tool") == second
    first = make_tool(places / "chosen", "true")
    monkeypatch.setenv("QFMT_BIN_DIR", str(places / "chosen"))
    assert tools.find_tool("some-tool") == first


def test_tool_missing_everywhere_is_an_error(places):
    with pytest.raises(UserError, match="some-tool not found in .*set QFMT_BIN_DIR"):
        tools.find_tool("some-tool")


def test_tool_missing_in_the_chosen_directory_is_an_error(places, monkeypatch):
    make_tool(places / "path", "true")
    monkeypatch.setenv("QFMT_BIN_DIR", str(places / "chosen"))
    with pytest.raises(UserError, match="some-tool is not in QFMT_BIN_DIR"):
        tools.find_tool("some-tool")


def test_output_of_a_tool_is_returned(places):
    make_tool(places / "path", 'read line; echo "$1 $line"')
    assert tools.run_tool("some-tool", "a", stdin=b"b\n") == b"a b\n"


def test_diagnostics_of_a_failed_tool_are_the_error(places):
    make_tool(places / "path", "echo 'error: bad shape' >&2; exit 3")
    with pytest.raises(UserError, match="^bad shape$"):
        tools.run_tool("some-tool")


def test_silent_failure_names_the_exit_status(places):
    make_tool(places / "path", "exit 3")
    with pytest.raises(UserError, match="^some-tool failed with exit status 3$"):
        tools.run_tool("some-tool")


def test_crash_names_the_signal(places):
    make_tool(places / "path", "echo dump >&2; echo why >&2; kill -SEGV $$")
    with pytest.raises(UserError, match="^some-tool was killed by SIGSEGV: why$"):
        tools.run_tool("some-tool")

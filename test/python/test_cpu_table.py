# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmark/cpu/table.py on figures that are made up."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TABLE = Path(__file__).resolve().parents[2] / "benchmark" / "cpu" / "table.py"


def run_entry(name, repetition, **figures):
    return {
        "name": name,
        "run_name": name,
        "run_type": "iteration",
        "repetition_index": repetition,
        "cpu_time": 1.0,
        **figures,
    }


def make_entries(name, figure, values):
    return [run_entry(name, i, **{figure: value}) for i, value in enumerate(values)]


@pytest.fixture
def table(tmp_path):
    """Runs the program on benchmarks; its exit status and rows by case and peer."""

    def run(benchmarks, *options):
        path = tmp_path / "figures.json"
        path.write_text(json.dumps({"context": {}, "benchmarks": benchmarks}))
        done = subprocess.run([sys.executable, TABLE, path, *options], capture_output=True, text=True)
        assert done.stderr == ""
        run.text = done.stdout
        lines = [line.strip("| \n").split(" | ") for line in done.stdout.splitlines()[2:]]
        return done.returncode, {(line[0], line[2]): line for line in lines if len(line) > 3}

    return run


CONVOLUTION = "qfmt/conv/3x3-64@56/nhwc"
PEER = "onednn/conv/3x3-64@56"


def test_median_and_quartile_of_ratios_within_repetitions(table):
    # The machine doubles its speed: each ratio is the same.
    ours = make_entries(f"{CONVOLUTION}/process_time", "GMAC/s", [100, 200, 210, 220])
    theirs = make_entries(f"{PEER}/process_time", "GMAC/s", [100, 200, 200, 200])
    _, rows = table(ours + theirs)
    row = rows[CONVOLUTION, PEER]
    # Ratios 1, 1, 1.05, 1.1.
    assert row[3:5] == ["1.025", "1.000"]
    assert row[5] == "1 yes"
    assert row[6] == "1.1 no"


@pytest.mark.parametrize(
    "ratios, reached",
    [
        ([1.0, 1.0, 1.0, 1.0], True),
        # The median is there, and a quarter of the rounds at 0.95.
        ([0.9, 0.95, 1.0, 1.0, 1.0, 1.0], True),
        # A quarter of the rounds below that.
        ([0.9, 0.94, 1.0, 1.0, 1.0, 1.0], False),
        # The median below the target.
        ([0.98, 0.99, 0.999, 1.2], False),
    ],
)
def test_reached(table, ratios, reached):
    ours = make_entries(CONVOLUTION, "GMAC/s", ratios)
    theirs = make_entries(PEER, "GMAC/s", [1] * len(ratios))
    status, rows = table(ours + theirs, "--strict")
    assert rows[CONVOLUTION, PEER][5] == ("1 yes" if reached else "1 no")
    assert status == (0 if reached else 1)


def test_the_best_form_of_a_peer_counts(table):
    ours = make_entries("qfmt/gemv/mxfp4", "GMAC/s", [60, 60])
    slow = make_entries("ggml/gemv/mxfp4/CPU", "GMAC/s", [20, 20])
    fast = make_entries("ggml/gemv/mxfp4/CPU_REPACK", "GMAC/s", [30, 30])
    _, rows = table(ours + slow + fast)
    assert rows["qfmt/gemv/mxfp4", "ggml/gemv/mxfp4/CPU_REPACK"][3] == "2.000"
    assert ("qfmt/gemv/mxfp4", "ggml/gemv/mxfp4/CPU") not in rows


def test_errors_and_missing_peers_have_no_row(table):
    ours = make_entries(CONVOLUTION, "GMAC/s", [100])
    failed = [run_entry(PEER, 0, error_occurred=True)]
    status, rows = table(ours + failed, "--strict")
    assert rows == {}
    assert status == 0
    # It is said what was not measured.
    assert f"1 against {PEER}," in table.text


def test_networks_by_time(table):
    ours = [run_entry("qfmt/minilm-128", 0) | {"cpu_time": 100.0}]
    theirs = [run_entry("onnxruntime/minilm-128/all", 0) | {"cpu_time": 250.0}]
    _, rows = table(ours + theirs)
    row = rows["qfmt/minilm-128", "onnxruntime/minilm-128/all"]
    assert row[1] == "100 us"
    assert row[3] == "2.500"
    assert row[5] == "1.2 yes"


def test_limit_of_the_instructions_that_the_machine_has(table):
    ours = make_entries("qfmt/2048x2048x2048/s8/host", "GMAC/s", [1000])
    vnni = make_entries("peak/vpdpbusd512", "GMAC/s", [400])
    tiles = make_entries("peak/tdpbusd", "GMAC/s", [2500])
    _, rows = table(ours + vnni)
    assert rows["qfmt/2048x2048x2048/s8/host", "peak/vpdpbusd512"][3] == "2.500"
    _, rows = table(ours + vnni + tiles)
    assert rows["qfmt/2048x2048x2048/s8/host", "peak/tdpbusd"][3] == "0.400"
    assert ("qfmt/2048x2048x2048/s8/host", "peak/vpdpbusd512") not in rows


def test_ratio_at_the_peak(table):
    ours = make_entries("qfmt/gemm/int4_g128", "GMAC/s", [180, 190])
    theirs = make_entries("ggml/gemm/q4_K/CPU", "GMAC/s", [100, 100])
    peak = make_entries("peak/vpdpbusd512", "GMAC/s", [200, 220])
    _, rows = table(ours + theirs + peak)
    assert rows["qfmt/gemm/int4_g128", "ggml/gemm/q4_K/CPU"][7] == "2.10"


def test_weights_of_few_bits_against_bytes_and_reading(table):
    bits = make_entries("qfmt/1x4096x4096/s8_i4/host", "GMAC/s", [150, 150])
    rate = make_entries("qfmt/1x4096x4096/s8_i4/host", "GB/s", [75, 75])
    octets = make_entries("qfmt/1x4096x4096/s8/host", "GMAC/s", [50, 50])
    reading = make_entries("read/8MiB", "GB/s", [100, 100])
    _, rows = table(bits + rate + octets + reading)
    case = "qfmt/1x4096x4096/s8_i4/host"
    assert rows[case, "qfmt/1x4096x4096/s8/host"][3] == "3.000"
    assert rows[case, "read/8MiB"][3] == "0.750"
    # No target.
    assert len(rows[case, "read/8MiB"]) == 5

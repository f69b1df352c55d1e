#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Installs what is missing, builds the tools, and takes a network from its ONNX
# file to integer-only code that classifies the 10 000 test images of
# Fashion-MNIST. Arguments go to examples/fashion-mnist/demo.py: `--json FILE`.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/setup.sh"
"$root/scripts/build.sh" dev qfmt-opt qfmt-run
exec "$root/.venv/bin/python" "$root/examples/fashion-mnist/demo.py" "$@"

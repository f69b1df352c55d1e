// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer matrix products and convolutions by oneDNN, if the benchmark was
// built with it. Weights are in whatever layout oneDNN likes.

#ifndef QFMT_BENCHMARK_CPU_ONEDNN_H
#define QFMT_BENCHMARK_CPU_ONEDNN_H

#include "Harness.h"

class OneDnnPrimitive {
public:
  virtual ~OneDnnPrimitive() = default;
  virtual void run() = 0;
  /// oneDNN's name of the code that it has chosen.
  virtual std::string getImplementation() const = 0;
};

bool hasOneDnn();

/// M x K codes, row-major, times K x N signed weights, with an i32 bias and a
/// float scale for each column, to M x N of i8. Null if oneDNN refuses it.
std::unique_ptr<OneDnnPrimitive>
createOneDnnProduct(int64_t m, int64_t n, int64_t k, bool isUnsigned);

/// Square images and kernels; an image as large as before, with stride 1.
struct Convolution {
  int64_t inputs, outputs, size, kernel;
  /// One kernel for each channel; `outputs` is `inputs`.
  bool isDepthwise;
};

/// u8 images [1][size][size][inputs], signed weights, an i32 bias and a float
/// scale for each output channel, to u8 [1][size][size][outputs].
std::unique_ptr<OneDnnPrimitive>
createOneDnnConvolution(const Convolution &convolution);

Prepared prepareOneDnn(std::unique_ptr<OneDnnPrimitive> primitive);

#endif // QFMT_BENCHMARK_CPU_ONEDNN_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer matrix products by oneDNN, if the benchmark was built with it.

#ifndef QFMT_BENCHMARK_CPU_ONEDNN_H
#define QFMT_BENCHMARK_CPU_ONEDNN_H

#include <cstdint>
#include <memory>
#include <string>

/// M x K codes, row-major, times K x N weights in whatever layout oneDNN likes,
/// with an i32 bias and a float scale for each column, to M x N of i8.
class OneDnnProduct {
public:
  virtual ~OneDnnProduct() = default;

  static bool isAvailable();
  /// Null if oneDNN refuses it.
  static std::unique_ptr<OneDnnProduct> create(int64_t m, int64_t n, int64_t k,
                                               bool isUnsigned);

  virtual void run() = 0;
  /// oneDNN's name of the code that it has chosen.
  virtual std::string getImplementation() const = 0;
};

#endif // QFMT_BENCHMARK_CPU_ONEDNN_H

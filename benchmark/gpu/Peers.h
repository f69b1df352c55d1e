// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the cases are compared with, on random data: products of cublasLt, which
// is found at run time (environment variable QFMT_LIBCUBLASLT: another file),
// and copies within the device.

#ifndef QFMT_BENCHMARK_GPU_PEERS_H
#define QFMT_BENCHMARK_GPU_PEERS_H

#include "Case.h"
#include <map>
#include <memory>

namespace qfmt::gpu::benchmark {

class CublasLt;

class Peers {
public:
  Peers();
  ~Peers();

  /// Why there are no products of cublasLt, or empty.
  const std::string &getMissing() const { return missing; }

  /// Seconds of the fastest of cublasLt's algorithms for the target's product,
  /// taken once. Negative if there is none.
  double timeProduct(const Target &target);

  /// Bytes a second, read and written ones together.
  double measureCopy();

private:
  std::unique_ptr<CublasLt> cublas;
  std::string missing;
  std::map<std::string, double> known;
};

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_PEERS_H

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Does again what a trace says, through the runtime for NVIDIA's devices.

#ifndef QFMT_BENCHMARK_GPU_REPLAY_H
#define QFMT_BENCHMARK_GPU_REPLAY_H

#include "Case.h"

namespace qfmt::gpu::benchmark {

/// Errors of the device are kept by the runtime.
class Replay {
public:
  /// Loads modules, and allocates and fills all buffers.
  explicit Replay(const Case &replayed);
  ~Replay();
  Replay(const Replay &) = delete;
  Replay &operator=(const Replay &) = delete;

  /// Does everything once and compares what comes out. Empty, or what is wrong.
  std::string verify();

  /// Starts what the device does alone, with the buffers of run `i`.
  void start(int64_t i, void *stream);

private:
  /// The buffers and tensor maps of one run at a time.
  struct Instance {
    std::vector<char *> buffers;
    std::vector<void *> maps;
  };

  void fill(const Step &step, char *to);
  void prepare(Instance &instance);
  void run(const Step &step, const Instance &instance, void *stream);
  void launch(const Step &step, const Instance &instance, void *stream);
  std::string compare(const std::vector<std::vector<char>> &outputs) const;

  const Case &replayed;
  std::vector<void *> modules;
  std::vector<Instance> instances;
};

} // namespace qfmt::gpu::benchmark

#endif // QFMT_BENCHMARK_GPU_REPLAY_H

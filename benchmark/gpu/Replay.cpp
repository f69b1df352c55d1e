// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Replay.h"
#include "ErrorSlot.h"
#include "Mgpu.h"
#include "RandomData.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace qfmt::gpu;
using namespace qfmt::gpu::benchmark;

/// More than the caches of any device; at most so many copies.
static constexpr int64_t kBeyondCaches = int64_t(512) << 20;
static constexpr int64_t kMaxInstances = 64;

Replay::Replay(const Case &replayed) : replayed(replayed) {
  const Trace &trace = replayed.trace;
  for (const std::string &ptx : trace.modules)
    modules.push_back(
        mgpuModuleLoadJIT(const_cast<char *>(ptx.c_str()), /*optLevel=*/4));
  int64_t bytes =
      std::accumulate(trace.buffers.begin(), trace.buffers.end(), int64_t(0));
  int64_t count = 1;
  if (replayed.rotates && bytes > 0)
    count = std::min(kMaxInstances, kBeyondCaches / bytes + 1);
  instances.resize(count);
  for (Instance &instance : instances)
    prepare(instance);
}

Replay::~Replay() {
  for (const Instance &instance : instances)
    for (char *buffer : instance.buffers)
      mgpuMemFree(buffer, nullptr);
  for (void *module : modules)
    mgpuModuleUnload(module);
}

void Replay::fill(const Step &step, char *to) {
  if (step.kind == Step::Data) {
    const char *data = replayed.trace.data.data() + step.fromOffset;
    mgpuMemcpy(to, const_cast<char *>(data), step.bytes, nullptr);
    return;
  }
  std::vector<char> random(step.bytes);
  if (fillRandom(step.randomKind, step.seed, random.data(), step.bytes))
    mgpuMemcpy(to, random.data(), step.bytes, nullptr);
  else
    fail("there is no random data of kind '" + step.randomKind + "'");
  // Before the host's copy goes.
  mgpuStreamSynchronize(nullptr);
}

void Replay::prepare(Instance &instance) {
  for (int64_t bytes : replayed.trace.buffers)
    instance.buffers.push_back(
        static_cast<char *>(mgpuMemAlloc(bytes, nullptr, 0)));
  if (hasFailed())
    return;
  for (const Step &step : replayed.trace.steps) {
    char *to = instance.buffers.empty()
                   ? nullptr
                   : instance.buffers[step.buffer] + step.offset;
    if (step.kind == Step::Random || step.kind == Step::Data)
      fill(step, to);
    else if (step.kind == Step::MakeMap)
      instance.maps.push_back(
          qfmtGpuTensorMap(to, int64_t(step.sizes.size()), step.dataType,
                           step.sizes.data(), step.strides.data(),
                           step.box.data(), step.swizzle, step.l2Promotion));
  }
}

void Replay::launch(const Step &step, const Instance &instance, void *stream) {
  void *function =
      mgpuModuleGetFunction(modules[step.module], step.kernel.c_str());
  std::vector<void *> pointers(step.arguments.size());
  std::vector<void *> params;
  for (size_t i = 0; i < step.arguments.size(); ++i) {
    const Argument &argument = step.arguments[i];
    if (argument.kind == Argument::Pointer)
      pointers[i] = instance.buffers[argument.index] + argument.offset;
    else if (argument.kind == Argument::Map)
      pointers[i] = argument.index < int64_t(instance.maps.size())
                        ? instance.maps[argument.index]
                        : nullptr;
    params.push_back(argument.kind == Argument::Value
                         ? const_cast<char *>(argument.value.data())
                         : static_cast<void *>(&pointers[i]));
  }
  const int64_t *g = step.grid, *b = step.block, *c = step.cluster;
  if (c[0] == 0)
    mgpuLaunchKernel(function, g[0], g[1], g[2], b[0], b[1], b[2],
                     int32_t(step.sharedBytes), stream, params.data(), nullptr,
                     int64_t(params.size()));
  else
    mgpuLaunchClusterKernel(function, c[0], c[1], c[2], g[0], g[1], g[2], b[0],
                            b[1], b[2], int32_t(step.sharedBytes), stream,
                            params.data(), nullptr);
}

void Replay::run(const Step &step, const Instance &instance, void *stream) {
  if (step.kind == Step::Launch) {
    launch(step, instance, stream);
    return;
  }
  char *to = instance.buffers[step.buffer] + step.offset;
  if (step.kind == Step::Copy)
    mgpuMemcpy(to, instance.buffers[step.from] + step.fromOffset, step.bytes,
               stream);
  else if (step.elementBytes == 4)
    mgpuMemset32(to, int32_t(step.value), step.count, stream);
  else
    mgpuMemset16(to, int16_t(step.value), step.count, stream);
}

void Replay::start(int64_t i, void *stream) {
  if (hasFailed())
    return;
  const Instance &instance = instances[i % instances.size()];
  for (const Step &step : replayed.trace.steps)
    if (step.isWork())
      run(step, instance, stream);
}

std::string Replay::verify() {
  if (hasFailed())
    return qfmtGpuError();
  const Instance &instance = instances.front();
  std::vector<std::vector<char>> outputs;
  for (const Step &step : replayed.trace.steps) {
    if (step.isWork())
      run(step, instance, nullptr);
    if (step.kind != Step::Read)
      continue;
    outputs.emplace_back(step.bytes);
    mgpuMemcpy(outputs.back().data(),
               instance.buffers[step.buffer] + step.offset, step.bytes,
               nullptr);
    mgpuStreamSynchronize(nullptr);
  }
  const char *error = qfmtGpuError();
  return error ? error : compare(outputs);
}

/// The first of the values that is not within its bound, or empty.
static std::string compareFloats(const std::vector<char> &output,
                                 const std::vector<char> &check,
                                 const ExpectedFloats &expected) {
  for (int64_t i = 0; i < expected.count; ++i) {
    float found, value, bound;
    std::memcpy(&found, output.data() + expected.offset + 4 * i, 4);
    std::memcpy(&value, check.data() + expected.checkOffset + 4 * i, 4);
    std::memcpy(&bound,
                check.data() + expected.checkOffset + 4 * (expected.count + i),
                4);
    // Not a number is not near anything.
    if (!(std::abs(found - value) <= bound))
      return "value " + std::to_string(expected.offset / 4 + i) +
             " of output " + std::to_string(expected.output) + " is " +
             std::to_string(found) + ", expected " + std::to_string(value) +
             " within " + std::to_string(bound);
  }
  return "";
}

std::string
Replay::compare(const std::vector<std::vector<char>> &outputs) const {
  auto exists = [&](int64_t output, int64_t bytes) {
    return output >= 0 && output < int64_t(outputs.size()) && bytes >= 0 &&
           bytes <= int64_t(outputs[output].size());
  };
  for (const ExpectedHash &expected : replayed.hashes) {
    std::string name = "output " + std::to_string(expected.output);
    if (!exists(expected.output, 0))
      return "there is no " + name;
    const std::vector<char> &output = outputs[expected.output];
    if (hashData(output.data(), output.size()) != expected.hash)
      return name + " differs from what the CPU computes";
  }
  for (const ExpectedFloats &expected : replayed.floats) {
    if (!exists(expected.output, expected.offset + 4 * expected.count))
      return "output " + std::to_string(expected.output) + " is too short";
    std::string wrong =
        compareFloats(outputs[expected.output], replayed.check, expected);
    if (!wrong.empty())
      return wrong;
  }
  return "";
}

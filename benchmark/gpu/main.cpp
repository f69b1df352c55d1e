// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qfmt-benchmark-gpu [--json=FILE] [--verify-only] CASES...
//
// Verifies and times cases that cases.py has made, on NVIDIA's device of this
// machine. CASES are directories of cases, or of directories of cases. Exit
// status: 0; 1 if a case computes something else than the CPU, or something
// does not work; 77 without a driver or device. Targets that are not reached
// do not change it.

#include "CudaSession.h"
#include "Mgpu.h"
#include "Peers.h"
#include "Replay.h"
#include "Report.h"
#include "Timer.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

using namespace qfmt::gpu;
using namespace qfmt::gpu::benchmark;

static constexpr int64_t kLaunches = 20;

namespace {
struct Options {
  std::string json;
  bool isVerifyOnly = false;
  std::vector<std::string> cases;
};
} // namespace

static bool readOptions(int count, char **arguments, Options &options) {
  for (int i = 1; i < count; ++i) {
    std::string argument = arguments[i];
    if (argument.rfind("--json=", 0) == 0) {
      options.json = argument.substr(std::strlen("--json="));
    } else if (argument == "--verify-only") {
      options.isVerifyOnly = true;
    } else if (argument.rfind("--", 0) == 0) {
      std::cerr << "unknown option " << argument << "\n";
      return false;
    } else if (std::filesystem::exists(argument + "/case.txt")) {
      options.cases.push_back(argument);
    } else {
      std::vector<std::string> found = findCases(argument);
      options.cases.insert(options.cases.end(), found.begin(), found.end());
    }
  }
  if (options.cases.empty())
    std::cerr << "usage: qfmt-benchmark-gpu [--json=FILE] [--verify-only] "
                 "CASES...\nno directory has a case.txt; cases.py makes them\n";
  return !options.cases.empty();
}

static Ratio compare(const Target &target, const Result &result, Peers &peers) {
  Ratio ratio;
  ratio.target = target;
  if (target.peer == "copy") {
    ratio.peer = peers.measureCopy();
    if (ratio.peer > 0)
      ratio.ratio = result.bytes / result.seconds / ratio.peer;
  } else {
    ratio.peer = peers.timeProduct(target);
    if (ratio.peer > 0)
      ratio.ratio = ratio.peer / result.seconds;
  }
  return ratio;
}

/// `peers` is null where only results are asked for.
static Result measure(const std::string &directory, Peers *peers) {
  Result result;
  result.name = std::filesystem::path(directory).filename().string();
  Case read;
  result.error = readCase(directory, read);
  if (!result.error.empty())
    return result;
  result.multiplications = read.multiplications;
  result.bytes = read.bytes;
  Replay replay(read);
  result.error = replay.verify();
  if (!result.error.empty() || !peers)
    return result;
  result.seconds = timeWork(
      [&](int64_t i, void *stream) { replay.start(i, stream); }, kLaunches);
  if (const char *error = qfmtGpuError())
    result.error = error;
  if (result.error.empty() && result.seconds > 0)
    for (const Target &target : read.targets)
      result.ratios.push_back(compare(target, result, *peers));
  if (const char *error = qfmtGpuError())
    std::cerr << result.name << ": a peer fails: " << error << "\n";
  return result;
}

static int reportOpening(int status) {
  std::cerr << qfmtGpuError() << "\n";
  return status;
}

int main(int argumentCount, char **arguments) {
  Options options;
  if (!readOptions(argumentCount, arguments, options))
    return 1;
  if (int status = qfmtGpuOpen(nullptr))
    return reportOpening(status);
  std::string device, chip;
  {
    CudaSession session;
    device = session.getDevice().name;
    chip = session.getDevice().chip;
  }
  std::cout << device << " (" << chip << ")\n";
  std::unique_ptr<Peers> peers;
  if (!options.isVerifyOnly) {
    peers = std::make_unique<Peers>();
    if (!peers->getMissing().empty())
      std::cout << peers->getMissing() << ": no ratios of products\n";
  }
  std::vector<Result> results;
  bool isRight = true;
  for (const std::string &directory : options.cases) {
    results.push_back(measure(directory, peers.get()));
    printTable(std::cout, {results.back()});
    std::cout.flush();
    isRight &= results.back().error.empty();
  }
  if (!options.json.empty()) {
    std::ofstream json(options.json);
    printJson(json, device, chip, results);
    if (!json) {
      std::cerr << "cannot write " << options.json << "\n";
      return 1;
    }
  }
  return isRight ? 0 : 1;
}

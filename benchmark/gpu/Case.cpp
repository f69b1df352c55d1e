// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Case.h"
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace qfmt::gpu::benchmark;

static bool readStatement(std::istream &line, Case &result) {
  std::string word;
  line >> word;
  if (word == "work") {
    line >> result.multiplications >> result.bytes;
  } else if (word == "rotate") {
    result.rotates = true;
  } else if (word == "hash") {
    ExpectedHash hash = {};
    line >> hash.output >> hash.hash;
    result.hashes.push_back(hash);
  } else if (word == "near") {
    ExpectedFloats f = {};
    line >> f.output >> f.offset >> f.count >> f.checkOffset;
    result.floats.push_back(f);
    return !line.fail() && f.count > 0 && f.checkOffset >= 0 &&
           f.checkOffset + 8 * f.count <= int64_t(result.check.size());
  } else if (word == "target") {
    Target target;
    line >> target.peer;
    if (target.peer != "copy")
      line >> target.m >> target.n >> target.k;
    line >> target.least;
    result.targets.push_back(target);
  } else {
    return false;
  }
  return !line.fail();
}

std::string qfmt::gpu::benchmark::readCase(const std::string &directory,
                                           Case &result) {
  result.name = std::filesystem::path(directory).filename().string();
  std::string wrong = readTrace(directory, result.trace);
  if (!wrong.empty())
    return wrong;
  readFile(directory + "/check.bin", result.check);
  std::ifstream file(directory + "/case.txt");
  std::string text;
  for (int64_t number = 1; std::getline(file, text); ++number) {
    std::istringstream line(text);
    if (!readStatement(line, result))
      return directory + "/case.txt:" + std::to_string(number) +
             ": not understood: '" + text + "'";
  }
  // A case without would be timed and say nothing.
  return result.hashes.empty() && result.floats.empty()
             ? directory + "/case.txt: says nothing of what must come out"
             : "";
}

std::vector<std::string>
qfmt::gpu::benchmark::findCases(const std::string &directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (auto &entry : std::filesystem::directory_iterator(directory, error))
    if (std::filesystem::exists(entry.path() / "case.txt"))
      found.push_back(entry.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

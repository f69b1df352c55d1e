// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Trace.h"
#include <fstream>
#include <iterator>
#include <sstream>

using namespace qfmt::gpu::benchmark;

bool qfmt::gpu::benchmark::readFile(const std::string &path,
                                    std::vector<char> &bytes) {
  std::ifstream file(path, std::ios::binary);
  bytes.assign(std::istreambuf_iterator<char>(file), {});
  return file.good() || file.eof();
}

static bool readNumbers(std::istream &line, int64_t *numbers, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    line >> numbers[i];
  return !line.fail();
}

/// "v:0a00" and so on.
static bool readArgument(const std::string &word, Argument &argument) {
  std::istringstream rest(word.size() > 2 ? word.substr(2) : "");
  char colon;
  switch (word[0]) {
  case 'p':
    argument.kind = Argument::Pointer;
    rest >> argument.index >> colon >> argument.offset;
    return !rest.fail();
  case 'm':
    argument.kind = Argument::Map;
    rest >> argument.index;
    return !rest.fail();
  case 'v':
    argument.kind = Argument::Value;
    for (size_t i = 2; i + 1 < word.size(); i += 2)
      argument.value.push_back(char(std::stoi(word.substr(i, 2), nullptr, 16)));
    return true;
  default:
    return false;
  }
}

static bool readLaunch(std::istream &line, Step &step) {
  int64_t count = 0;
  line >> step.module >> step.kernel;
  if (!readNumbers(line, step.grid, 3) || !readNumbers(line, step.block, 3) ||
      !readNumbers(line, step.cluster, 3))
    return false;
  line >> step.sharedBytes >> count;
  for (int64_t i = 0; i < count && line; ++i) {
    std::string word;
    Argument argument;
    line >> word;
    if (word.empty() || !readArgument(word, argument))
      return false;
    step.arguments.push_back(argument);
  }
  return !line.fail();
}

static bool readMap(std::istream &line, Step &step) {
  constexpr int64_t kMaxRank = 5;
  int64_t rank = 0;
  line >> step.buffer >> step.offset >> step.dataType >> rank;
  if (!line || rank < 1 || rank > kMaxRank)
    return false;
  for (auto *numbers : {&step.sizes, &step.strides, &step.box}) {
    numbers->resize(rank);
    if (!readNumbers(line, numbers->data(), rank))
      return false;
  }
  line >> step.swizzle >> step.l2Promotion;
  return !line.fail();
}

/// The rest of a line that begins with `word`. Modules and buffers are no
/// steps.
static bool readStep(const std::string &word, std::istream &line, Step &step) {
  if (word == "random") {
    step.kind = Step::Random;
    line >> step.buffer >> step.offset >> step.bytes >> step.randomKind >>
        step.seed;
  } else if (word == "data") {
    step.kind = Step::Data;
    line >> step.buffer >> step.offset >> step.bytes >> step.fromOffset;
  } else if (word == "copy") {
    step.kind = Step::Copy;
    line >> step.buffer >> step.offset >> step.from >> step.fromOffset >>
        step.bytes;
  } else if (word == "set") {
    step.kind = Step::Set;
    line >> step.elementBytes >> step.buffer >> step.offset >> step.value >>
        step.count;
    step.bytes = step.elementBytes * step.count;
  } else if (word == "read") {
    step.kind = Step::Read;
    line >> step.buffer >> step.offset >> step.bytes;
  } else if (word == "map") {
    step.kind = Step::MakeMap;
    return readMap(line, step);
  } else if (word == "launch") {
    step.kind = Step::Launch;
    return readLaunch(line, step);
  } else {
    return false;
  }
  return !line.fail();
}

/// Whether `bytes` at `offset` are in the buffer.
static bool isInBuffer(const Trace &trace, int64_t buffer, int64_t offset,
                       int64_t bytes) {
  return buffer >= 0 && buffer < int64_t(trace.buffers.size()) && offset >= 0 &&
         bytes >= 0 && offset + bytes <= trace.buffers[buffer];
}

static bool isConsistent(const Trace &trace, const Step &step) {
  if (step.kind != Step::Launch &&
      !isInBuffer(trace, step.buffer, step.offset, step.bytes))
    return false;
  if (step.kind == Step::Data)
    return step.fromOffset >= 0 &&
           step.fromOffset + step.bytes <= int64_t(trace.data.size());
  if (step.kind == Step::Copy)
    return isInBuffer(trace, step.from, step.fromOffset, step.bytes);
  if (step.kind == Step::Set)
    return step.elementBytes == 2 || step.elementBytes == 4;
  if (step.kind == Step::Launch &&
      (step.module < 0 || step.module >= int64_t(trace.modules.size())))
    return false;
  for (const Argument &argument : step.arguments)
    if (argument.kind == Argument::Pointer &&
        !isInBuffer(trace, argument.index, argument.offset, 0))
      return false;
  return true;
}

std::string qfmt::gpu::benchmark::readTrace(const std::string &directory,
                                            Trace &trace) {
  std::ifstream file(directory + "/trace.txt");
  if (!file)
    return "cannot read " + directory + "/trace.txt";
  // Without data there is no file.
  readFile(directory + "/data.bin", trace.data);
  std::string text;
  for (int64_t number = 1; std::getline(file, text); ++number) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    std::string wrong =
        directory + "/trace.txt:" + std::to_string(number) + ": ";
    if (word == "module") {
      std::vector<char> bytes;
      std::string name =
          "module" + std::to_string(trace.modules.size()) + ".ptx";
      if (!readFile(directory + "/" + name, bytes) || bytes.empty())
        return wrong + "cannot read " + name;
      trace.modules.emplace_back(bytes.begin(), bytes.end());
    } else if (word == "buffer") {
      int64_t bytes = 0;
      line >> bytes;
      if (!line || bytes < 1)
        return wrong + "a buffer without size";
      trace.buffers.push_back(bytes);
    } else {
      Step step;
      if (!readStep(word, line, step) || !isConsistent(trace, step))
        return wrong + "not understood: '" + text + "'";
      trace.steps.push_back(std::move(step));
    }
  }
  return "";
}

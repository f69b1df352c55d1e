// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SpirvModule.h"
#include <cstring>
#include <set>

using namespace qfmt::gpu;

namespace {
/// The instructions that are read, by the numbers of the specification.
enum Opcode : uint32_t {
  OpEntryPoint = 15,
  OpExecutionMode = 16,
  OpCapability = 17,
  OpTypeBool = 20,
  OpTypeInt = 21,
  OpTypeFloat = 22,
  OpTypeVector = 23,
  OpTypeArray = 28,
  OpTypeStruct = 30,
  OpTypePointer = 32,
  OpConstant = 43,
  OpFunction = 54,
  OpFunctionEnd = 56,
  OpVariable = 59,
  OpLoad = 61,
  OpStore = 62,
  OpAccessChain = 65,
  OpInBoundsAccessChain = 66,
  OpDecorate = 71,
};

constexpr uint32_t kMagic = 0x07230203;
constexpr size_t kHeaderWords = 5;
constexpr uint32_t kLocalSize = 17;
constexpr uint32_t kBinding = 33;
constexpr uint32_t kWorkgroup = 4;

class Reader {
public:
  explicit Reader(SpirvModule &module) : module(module) {}

  /// False if the instruction is shorter than its opcode says.
  bool read(uint32_t opcode, const std::vector<uint32_t> &words);
  void finish();

private:
  void readEntryPoint(const std::vector<uint32_t> &words);
  void readVariable(uint32_t type, uint32_t id, uint32_t storageClass);
  uint64_t getBytes(uint32_t type) const;

  SpirvModule &module;
  std::map<uint32_t, std::string> entryPoints;
  std::map<uint32_t, std::vector<uint32_t>> localSizes;
  std::map<uint32_t, uint64_t> typeBytes;
  std::map<uint32_t, uint32_t> pointees, constants, bindings;
  std::map<uint32_t, uint64_t> workgroupVariables;
  /// The variables that each function uses.
  std::map<uint32_t, std::set<uint32_t>> used;
  uint32_t function = 0;
};
} // namespace

/// The words that each opcode has at least, with the one that holds itself.
static size_t getMinimumWords(uint32_t opcode) {
  switch (opcode) {
  case OpEntryPoint:
  case OpTypeVector:
  case OpTypeArray:
  case OpTypePointer:
  case OpConstant:
  case OpVariable:
  case OpLoad:
  case OpAccessChain:
  case OpInBoundsAccessChain:
    return 4;
  case OpExecutionMode:
  case OpTypeInt:
  case OpTypeFloat:
  case OpFunction:
  case OpStore:
  case OpDecorate:
    return 3;
  case OpCapability:
  case OpTypeBool:
  case OpTypeStruct:
    return 2;
  default:
    return 1;
  }
}

uint64_t Reader::getBytes(uint32_t type) const {
  auto found = typeBytes.find(type);
  return found == typeBytes.end() ? 0 : found->second;
}

void Reader::readEntryPoint(const std::vector<uint32_t> &words) {
  // A string, padded with zero bytes to whole words.
  std::string name;
  for (size_t i = 3; i < words.size(); ++i)
    for (int byte = 0; byte < 4; ++byte) {
      char c = char(words[i] >> (8 * byte));
      if (c == 0) {
        entryPoints[words[2]] = name;
        return;
      }
      name += c;
    }
}

void Reader::readVariable(uint32_t type, uint32_t id, uint32_t storageClass) {
  auto pointee = pointees.find(type);
  if (storageClass == kWorkgroup && pointee != pointees.end())
    workgroupVariables[id] = getBytes(pointee->second);
}

bool Reader::read(uint32_t opcode, const std::vector<uint32_t> &w) {
  if (w.size() < getMinimumWords(opcode))
    return false;
  switch (opcode) {
  case OpCapability:
    module.capabilities.push_back(w[1]);
    break;
  case OpEntryPoint:
    readEntryPoint(w);
    break;
  case OpExecutionMode:
    if (w[2] == kLocalSize && w.size() >= 6)
      localSizes[w[1]] = {w[3], w[4], w[5]};
    break;
  case OpDecorate:
    if (w[2] == kBinding && w.size() >= 4)
      bindings[w[1]] = w[3];
    break;
  case OpTypeBool:
    typeBytes[w[1]] = 4;
    break;
  case OpTypeInt:
  case OpTypeFloat:
    typeBytes[w[1]] = w[2] / 8;
    break;
  case OpTypeVector:
    typeBytes[w[1]] = getBytes(w[2]) * w[3];
    break;
  case OpTypeArray:
    typeBytes[w[1]] = getBytes(w[2]) * constants[w[3]];
    break;
  case OpTypeStruct:
    for (size_t i = 2; i < w.size(); ++i)
      typeBytes[w[1]] += getBytes(w[i]);
    break;
  case OpTypePointer:
    pointees[w[1]] = w[3];
    break;
  case OpConstant:
    constants[w[2]] = w[3];
    break;
  case OpVariable:
    readVariable(w[1], w[2], w[3]);
    break;
  case OpFunction:
    function = w[2];
    break;
  case OpFunctionEnd:
    function = 0;
    break;
  case OpLoad:
  case OpAccessChain:
  case OpInBoundsAccessChain:
    used[function].insert(w[3]);
    break;
  case OpStore:
    used[function].insert(w[1]);
    break;
  }
  return true;
}

void Reader::finish() {
  for (auto &[id, name] : entryPoints) {
    SpirvKernel &kernel = module.kernels[name];
    auto size = localSizes.find(id);
    for (size_t i = 0; i < 3 && size != localSizes.end(); ++i)
      kernel.localSize[i] = size->second[i];
    // What it may call counts for every kernel.
    std::set<uint32_t> variables;
    for (auto &[user, ids] : used)
      if (user == id || !entryPoints.count(user))
        variables.insert(ids.begin(), ids.end());
    for (uint32_t variable : variables) {
      auto binding = bindings.find(variable);
      if (binding != bindings.end() && binding->second >= kernel.bindings)
        kernel.bindings = binding->second + 1;
      auto shared = workgroupVariables.find(variable);
      if (shared != workgroupVariables.end())
        kernel.workgroupBytes += shared->second;
    }
  }
}

bool qfmt::gpu::readSpirv(const void *data, int64_t bytes,
                          SpirvModule &module) {
  if (bytes < int64_t(kHeaderWords * 4) || bytes % 4 != 0)
    return false;
  std::vector<uint32_t> words(bytes / 4);
  std::memcpy(words.data(), data, bytes);
  if (words[0] != kMagic)
    return false;
  module.version = words[1];
  Reader reader(module);
  for (size_t i = kHeaderWords; i < words.size();) {
    size_t length = words[i] >> 16;
    if (length == 0 || length > words.size() - i)
      return false;
    std::vector<uint32_t> instruction(words.begin() + i,
                                      words.begin() + i + length);
    if (!reader.read(words[i] & 0xFFFF, instruction))
      return false;
    i += length;
  }
  reader.finish();
  return true;
}

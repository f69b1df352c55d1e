//===- Assembly.cpp - Inline PTX: what does each statement ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Assembly.h"
#include <algorithm>

using llvm::StringRef;

namespace mlir::qfmt::sim {

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static uint64_t evaluate(const AssemblyValue &value,
                         const uint64_t *registers) {
  uint64_t bits = value.reg >= 0 ? registers[value.reg] : value.number;
  return value.isNegated ? ~bits & 1 : bits;
}

static void runAssembly(const Site &site, const uint64_t *arguments,
                        uint64_t *results) {
  const auto &program = *static_cast<const AssemblyProgram *>(site.table.get());
  uint64_t registers[kMaxRegisters] = {};
  uint64_t sources[kMaxRegisters], produced[kMaxRegisters];
  for (size_t i = 0; i != program.ties.size(); ++i) {
    int tie = program.ties[i];
    registers[tie >= 0 ? tie : program.numOutputs + i] = arguments[i];
  }
  for (size_t next = 0; next < program.statements.size();) {
    const AssemblyStatement &statement = program.statements[next++];
    if (statement.hasPredicate &&
        !(evaluate(statement.predicate, registers) & 1))
      continue;
    if (statement.target >= 0) {
      next = statement.target;
      continue;
    }
    for (size_t i = 0; i != statement.sources.size(); ++i)
      sources[i] = evaluate(statement.sources[i], registers);
    statement.site.handler(statement.site, sources, produced);
    for (size_t i = 0; i != statement.results.size(); ++i)
      if (statement.results[i] >= 0)
        registers[statement.results[i]] = produced[i];
  }
  std::copy_n(registers, program.numOutputs, results);
}

//===----------------------------------------------------------------------===//
// Binding
//===----------------------------------------------------------------------===//

using Operands = llvm::ArrayRef<AssemblyOperand>;

static void addSources(AssemblyStatement &statement, Operands operands) {
  for (const AssemblyOperand &operand : operands)
    statement.sources.insert(statement.sources.end(), operand.begin(),
                             operand.end());
}

static void addResults(AssemblyStatement &statement,
                       const AssemblyOperand &operand) {
  for (const AssemblyValue &value : operand)
    statement.results.push_back(value.reg);
}

/// "mma.sync.aligned.mMnNkK.row.col[.satfinite].d.a.b.c" as an intrinsic is
/// called.
static std::string nameMma(StringRef opcode) {
  llvm::SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  if (parts.size() < 7)
    return "";
  auto types = llvm::ArrayRef<StringRef>(parts).take_back(4);
  std::string name = "mma";
  for (StringRef part : llvm::ArrayRef<StringRef>(parts).drop_back(4))
    if (part != "mma" && part != "sync" && part != "aligned")
      name += "." + part.str();
  std::string d = types[0].str(), a = types[1].str(), b = types[2].str(),
              c = types[3].str();
  if (a == "f16")
    return name + "." + d + "." + c;
  if (a[0] == 'e')
    return name + "." + d + "." + a + "." + b + "." + c;
  return name + "." + a + (a == b ? "" : "." + b);
}

static bool bindMma(AssemblyStatement &statement, Operands operands) {
  if (operands.size() != 4)
    return false;
  addResults(statement, operands[0]);
  addSources(statement, operands.drop_front());
  return findWarpMma(nameMma(statement.opcode), statement.site);
}

/// Operands: D, A, B, whether to add, and perhaps factors and transpositions.
static bool bindWarpgroupMma(AssemblyStatement &statement, Operands operands) {
  if (operands.size() < 4 || operands.size() == 5)
    return false;
  addResults(statement, operands[0]);
  addSources(statement, operands[3]);
  // Integers have neither; bytes have no transpositions; A in registers has
  // one, of B.
  AssemblyOperand one(1), zero(1);
  one[0].number = 1;
  bool isInRegisters = operands[1].size() == 4;
  size_t extra = operands.size() - 4;
  addSources(statement, extra ? operands[4] : one);
  addSources(statement, extra ? operands[5] : one);
  addSources(statement, extra > 2 && !isInRegisters ? operands[6] : zero);
  addSources(statement, extra > 2 ? operands.back() : zero);
  addSources(statement, {operands[2], operands[1], operands[0]});
  if (!findWarpgroupMma(statement.opcode, statement.site))
    return false;
  statement.site.fields[0] = isInRegisters;
  return true;
}

/// A name of PTX as one of an intrinsic: "try_wait" has a point there.
static std::string nameMemoryBarrier(StringRef opcode) {
  std::string name;
  llvm::SmallVector<StringRef> parts;
  opcode.split(parts, '.');
  for (StringRef part : parts) {
    if (part.starts_with("shared") || part == "b64" || part == "cta" ||
        part == "release" || part == "acquire" || part == "relaxed" ||
        part == "cluster")
      continue;
    std::string dotted = part.str();
    std::replace(dotted.begin(), dotted.end(), '_', '.');
    name += (name.empty() ? "" : ".") + dotted;
  }
  return name;
}

static bool bindMemoryBarrier(AssemblyStatement &statement, Operands operands) {
  std::string name = nameMemoryBarrier(statement.opcode);
  if (!findMemoryBarrier(name, statement.site))
    return false;
  if (name == "mbarrier.arrive")
    statement.site.fields[0] = operands.size() == 3;
  bool hasResult = name != "mbarrier.init" && name != "mbarrier.inval" &&
                   name != "mbarrier.expect.tx" &&
                   name != "mbarrier.complete.tx" &&
                   !StringRef(name).starts_with("cp.async");
  if (operands.empty() || (hasResult && operands.size() < 2))
    return false;
  if (hasResult) {
    addResults(statement, operands[0]);
    operands = operands.drop_front();
  }
  addSources(statement, operands);
  return true;
}

/// cp.async.bulk.tensor.Nd.{shared::x.global.mbarrier::...,global.shared::x...}
static bool bindTileCopy(AssemblyStatement &statement, Operands operands) {
  auto [rank, rest] = StringRef(statement.opcode)
                          .drop_front(strlen("cp.async.bulk.tensor."))
                          .split('.');
  bool isLoad = rest.starts_with("shared");
  if (operands.size() < (isLoad ? 3u : 2u) || rest.contains("multicast"))
    return false;
  if (isLoad)
    addSources(statement, {operands[0], operands[2], operands[1]});
  else
    addSources(statement, {operands[1], operands[0]});
  std::string name = std::string("cp.async.bulk.tensor.") +
                     (isLoad ? "g2s" : "s2g") + ".tile." + rank.str();
  return findBulkCopy(name, statement.site);
}

static bool bindMatrixMove(AssemblyStatement &statement, Operands operands) {
  // ldmatrix.sync.aligned.m8n8.x4[.trans].shared[::cta].b16 {..}, [a];
  std::string name;
  llvm::SmallVector<StringRef> parts;
  StringRef(statement.opcode).split(parts, '.');
  for (StringRef part : parts)
    if (!part.starts_with("shared"))
      name += (name.empty() ? "" : ".") + part.str();
  if (operands.size() != 2 || !findMatrixMove(name, statement.site))
    return false;
  if (parts[0] == "stmatrix") {
    addSources(statement, operands);
    return true;
  }
  addResults(statement, operands[0]);
  addSources(statement, operands[1]);
  return true;
}

/// Where the intrinsic has the same name and only inputs.
static bool bindOther(AssemblyStatement &statement, Operands operands) {
  StringRef opcode = statement.opcode;
  if (findScalarInstruction(opcode, statement.site)) {
    if (operands.empty())
      return false;
    addResults(statement, operands[0]);
    addSources(statement, operands.drop_front());
    return true;
  }
  std::string name = opcode.str();
  if (opcode.consume_front("cp.async.bulk.") &&
      (opcode == "commit_group" || opcode.starts_with("wait_group")))
    name = std::string("cp.async.bulk.") +
           (opcode == "commit_group"    ? "commit.group"
            : opcode.ends_with(".read") ? "wait.group.read"
                                        : "wait.group");
  else if (name == "cp.async.commit_group")
    name = "cp.async.commit.group";
  else if (name == "cp.async.wait_group")
    name = "cp.async.wait.group";
  else if (name == "cp.async.wait_all")
    name = "cp.async.wait.all";
  else if (name == "bar.sync" || name == "barrier.sync.aligned")
    name = operands.size() == 2 ? "barrier.cta.sync.aligned.count"
                                : "barrier.cta.sync.aligned.all";
  else if (name == "bar.arrive")
    name = "barrier.cta.arrive.aligned.count";
  addSources(statement, operands);
  return findOperation(name, statement.site);
}

static bool bindStatement(AssemblyStatement &statement) {
  StringRef opcode = statement.opcode;
  Operands operands = statement.operands;
  if (opcode == "bra")
    return true;
  using Bind = bool (*)(AssemblyStatement &, Operands);
  static constexpr std::pair<llvm::StringLiteral, Bind> kBinds[] = {
      {"mma.sync.", bindMma},
      {"wgmma.mma_async.", bindWarpgroupMma},
      {"mbarrier.", bindMemoryBarrier},
      {"cp.async.mbarrier.", bindMemoryBarrier},
      {"cp.async.bulk.tensor.", bindTileCopy},
      {"ldmatrix.", bindMatrixMove},
      {"stmatrix.", bindMatrixMove}};
  for (auto [prefix, bind] : kBinds)
    if (opcode.starts_with(prefix))
      return bind(statement, operands);
  return bindOther(statement, operands);
}

bool bindAssembly(AssemblyProgram &program, std::string &problem) {
  for (AssemblyStatement &statement : program.statements) {
    statement.site.name = statement.opcode;
    if (!bindStatement(statement)) {
      problem = "has '" + statement.opcode + "'";
      return false;
    }
  }
  return true;
}

bool findAssembly(StringRef text, StringRef constraints, Site &site,
                  std::string &problem) {
  auto program = std::make_shared<AssemblyProgram>();
  if (!parseAssembly(text, constraints, *program, problem) ||
      !bindAssembly(*program, problem))
    return false;
  for (AssemblyStatement &statement : program->statements) {
    Site &inner = statement.site;
    inner.whole = &site;
    inner.text = site.text;
    inner.function = site.function;
    inner.instruction = site.instruction;
    site.isBlocking |= inner.isBlocking;
  }
  site.handler = runAssembly;
  site.table = std::move(program);
  return true;
}

} // namespace mlir::qfmt::sim

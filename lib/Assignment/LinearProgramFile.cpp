//===- LinearProgramFile.cpp ----------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/LinearProgramFile.h"
#include "IndexedProblem.h"
#include "Number.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::qfmt::assignment;

namespace {
/// A sum of terms, a few a line: readers limit the length of lines.
class SumWriter {
public:
  explicit SumWriter(llvm::raw_ostream &os) : os(os) {}

  void add(double factor, const std::string &variable) {
    if (count != 0 && count % 6 == 0)
      os << "\n   ";
    bool negative = std::signbit(factor);
    os << (negative ? " - " : count == 0 ? " " : " + ");
    double magnitude = std::abs(factor);
    if (magnitude != 1)
      os << toString(magnitude) << " ";
    os << variable;
    ++count;
  }

private:
  llvm::raw_ostream &os;
  unsigned count = 0;
};

class Writer {
public:
  Writer(llvm::raw_ostream &os, const Problem &problem)
      : os(os), problem(problem), indexed(problem) {}
  void write();

private:
  static std::string getChoice(unsigned group, unsigned choice) {
    return "x" + std::to_string(group) + "_" + std::to_string(choice);
  }
  static std::string getTerm(unsigned term) {
    return "y" + std::to_string(term);
  }
  void writeNames();
  void writeObjective();
  void writeGroups();
  void writeTies();
  void writeBudgets();
  void writePairwise();
  void writeBounds();

  llvm::raw_ostream &os;
  const Problem &problem;
  IndexedProblem indexed;
};
} // namespace

/// Names come from users: only line breaks would end a comment.
static std::string toComment(llvm::StringRef name) {
  std::string text = name.str();
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ')
      c = ' ';
  return text;
}

void Writer::writeNames() {
  os << "\\ Formats for " << problem.groups.size()
     << " groups: the least damage within the budgets.\n";
  for (auto [g, group] : llvm::enumerate(problem.groups))
    for (auto [c, choice] : llvm::enumerate(group.choices))
      os << "\\ " << getChoice(g, c) << ": " << toComment(group.name) << " = "
         << toComment(choice.format) << "\n";
}

void Writer::writeObjective() {
  os << "Minimize\n damage:";
  SumWriter sum(os);
  for (auto [g, group] : llvm::enumerate(problem.groups))
    for (auto [c, choice] : llvm::enumerate(group.choices))
      sum.add(choice.damage, getChoice(g, c));
  for (auto [t, term] : llvm::enumerate(indexed.terms))
    sum.add(term.damage, getTerm(t));
  os << "\n";
}

void Writer::writeGroups() {
  for (auto [g, group] : llvm::enumerate(problem.groups)) {
    os << " group" << g << ":";
    SumWriter sum(os);
    for (unsigned c = 0; c < group.choices.size(); ++c)
      sum.add(1, getChoice(g, c));
    os << " = 1\n";
  }
  for (auto [f, forced] : llvm::enumerate(problem.forced)) {
    unsigned group = *problem.findGroup(forced.first);
    os << " forced" << f << ": "
       << getChoice(group, *problem.findChoice(group, forced.second))
       << " = 1\n";
  }
}

/// Each member of a tied set against the first; formats that the other one does
/// not have are 0.
void Writer::writeTies() {
  unsigned number = 0;
  for (const std::vector<unsigned> &set : problem.getTiedSets())
    for (unsigned member : llvm::drop_begin(set)) {
      unsigned first = set.front();
      for (auto [c, choice] : llvm::enumerate(problem.groups[first].choices)) {
        os << " tie" << number++ << ": " << getChoice(first, c);
        if (auto other = problem.findChoice(member, choice.format))
          os << " - " << getChoice(member, *other);
        os << " = 0\n";
      }
      for (auto [c, choice] : llvm::enumerate(problem.groups[member].choices))
        if (!problem.findChoice(first, choice.format))
          os << " tie" << number++ << ": " << getChoice(member, c) << " = 0\n";
    }
}

void Writer::writeBudgets() {
  for (auto [b, name] : llvm::enumerate(indexed.budgetNames)) {
    os << "\\ budget " << toComment(name) << "\n budget" << b << ":";
    SumWriter sum(os);
    for (auto [g, costs] : llvm::enumerate(indexed.costs[b]))
      for (auto [c, cost] : llvm::enumerate(costs))
        sum.add(cost, getChoice(g, c));
    os << " <= " << toString(indexed.limits[b]) << "\n";
  }
}

void Writer::writePairwise() {
  for (auto [t, term] : llvm::enumerate(indexed.terms)) {
    std::string x = getChoice(term.groups[0], term.choices[0]);
    std::string other = getChoice(term.groups[1], term.choices[1]);
    std::string y = getTerm(t);
    os << " pair" << t << "a: " << y << " - " << x << " <= 0\n";
    os << " pair" << t << "b: " << y << " - " << other << " <= 0\n";
    os << " pair" << t << "c: " << x << " + " << other << " - " << y
       << " <= 1\n";
  }
}

void Writer::writeBounds() {
  if (!indexed.terms.empty())
    os << "Bounds\n";
  for (size_t t = 0; t < indexed.terms.size(); ++t)
    os << " 0 <= " << getTerm(t) << " <= 1\n";
  os << "Binaries\n";
  for (auto [g, group] : llvm::enumerate(problem.groups)) {
    for (unsigned c = 0; c < group.choices.size(); ++c)
      os << " " << getChoice(g, c);
    os << "\n";
  }
  os << "End\n";
}

void Writer::write() {
  writeNames();
  writeObjective();
  os << "Subject To\n";
  writeGroups();
  writeTies();
  writeBudgets();
  writePairwise();
  writeBounds();
}

void mlir::qfmt::assignment::writeLinearProgram(llvm::raw_ostream &os,
                                                const Problem &problem) {
  Writer(os, problem).write();
}

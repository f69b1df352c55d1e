//===- Json.cpp -----------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Json.h"
#include "Number.h"
#include "qfmt/Assignment/Solver.h"
#include "qfmt/Support/UniqueJson.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::qfmt::assignment;
using llvm::formatv;
using llvm::StringRef;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Collects the errors of a document, each with the place where it is.
class Reader {
public:
  Problem readProblem(const json::Value &value);
  KnownOptimum readKnownOptimum(const json::Object &object,
                                const std::string &place);

  llvm::Error takeError() {
    if (errors.empty())
      return llvm::Error::success();
    return llvm::createStringError(llvm::join(errors, "\n"));
  }
  std::vector<std::string> takeWarnings() { return std::move(warnings); }

private:
  void error(const std::string &place, const llvm::Twine &message) {
    errors.push_back((place + ": " + message).str());
  }
  /// What the value is, for diagnostics.
  static std::string describe(const json::Value &value);

  const json::Object *readObject(const json::Value &value,
                                 const std::string &place);
  const json::Array *readArray(const json::Value &value,
                               const std::string &place);
  std::string readString(const json::Value &value, const std::string &place);
  double readNumber(const json::Value &value, const std::string &place);
  /// An error if the object lacks it.
  const json::Value *getMember(const json::Object &object, StringRef key,
                               const std::string &place);
  void checkKeys(const json::Object &object, llvm::ArrayRef<StringRef> known,
                 const std::string &place);
  /// What says something about the object to others may be there, too: it is
  /// ignored with a warning, unless it is nearly a known key.
  void checkOpenKeys(const json::Object &object,
                     llvm::ArrayRef<StringRef> known, const std::string &place);
  /// The members of an object whose keys are names, by name.
  template <typename Read>
  auto readMap(const json::Value &value, const std::string &place, Read read) {
    std::map<std::string, decltype(read(value, place))> map;
    if (const json::Object *object = readObject(value, place))
      for (const auto &member : *object) {
        std::string key = member.first.str();
        map.emplace(key, read(member.second, place + "['" + key + "']"));
      }
    return map;
  }
  template <typename Read>
  auto readList(const json::Value &value, const std::string &place, Read read) {
    std::vector<decltype(read(value, place))> list;
    if (const json::Array *array = readArray(value, place))
      for (auto [index, element] : llvm::enumerate(*array))
        list.push_back(
            read(element, place + "[" + std::to_string(index) + "]"));
    return list;
  }
  std::vector<std::string> readStrings(const json::Value &value,
                                       const std::string &place) {
    return readList(value, place,
                    [&](const json::Value &element, const std::string &where) {
                      return readString(element, where);
                    });
  }

  Group readGroup(const json::Value &value, const std::string &place);
  Choice readChoice(const json::Value &value, const std::string &place);
  PairwiseTerm readPairwise(const json::Value &value, const std::string &place);
  Budget readBudget(const json::Value &value, const std::string &place);

  std::vector<std::string> errors, warnings;
};
} // namespace

std::string Reader::describe(const json::Value &value) {
  switch (value.kind()) {
  case json::Value::Null:
    return "null";
  case json::Value::Boolean:
    return "a truth value";
  case json::Value::Number:
    return "the number " + toString(*value.getAsNumber());
  case json::Value::String:
    return ("the string '" + *value.getAsString() + "'").str();
  case json::Value::Array:
    return "a list";
  case json::Value::Object:
    return "an object";
  }
  llvm_unreachable("all kinds are above");
}

const json::Object *Reader::readObject(const json::Value &value,
                                       const std::string &place) {
  const json::Object *object = value.getAsObject();
  if (!object)
    error(place, "expected an object, found " + describe(value));
  return object;
}

const json::Array *Reader::readArray(const json::Value &value,
                                     const std::string &place) {
  const json::Array *array = value.getAsArray();
  if (!array)
    error(place, "expected a list, found " + describe(value));
  return array;
}

std::string Reader::readString(const json::Value &value,
                               const std::string &place) {
  if (std::optional<StringRef> text = value.getAsString())
    return text->str();
  error(place, "expected a string, found " + describe(value));
  return "";
}

double Reader::readNumber(const json::Value &value, const std::string &place) {
  if (std::optional<double> number = value.getAsNumber())
    return *number;
  error(place, "expected a number, found " + describe(value));
  return 0;
}

const json::Value *Reader::getMember(const json::Object &object, StringRef key,
                                     const std::string &place) {
  const json::Value *value = object.get(key);
  if (!value)
    error(place, "has no '" + key + "'");
  return value;
}

/// The keys that are not `known`, sorted: the object's own order is none.
static std::vector<std::string>
findUnknownKeys(const json::Object &object, llvm::ArrayRef<StringRef> known) {
  std::vector<std::string> unknown;
  for (const auto &member : object)
    if (!llvm::is_contained(known, StringRef(member.first)))
      unknown.push_back(member.first.str());
  llvm::sort(unknown);
  return unknown;
}

void Reader::checkKeys(const json::Object &object,
                       llvm::ArrayRef<StringRef> known,
                       const std::string &place) {
  for (const std::string &key : findUnknownKeys(object, known))
    error(place, "unknown key '" + key + "': expected " +
                     llvm::join(llvm::map_range(known,
                                                [](StringRef name) {
                                                  return "'" + name.str() + "'";
                                                }),
                                ", "));
}

void Reader::checkOpenKeys(const json::Object &object,
                           llvm::ArrayRef<StringRef> known,
                           const std::string &place) {
  for (const std::string &key : findUnknownKeys(object, known)) {
    auto meant = llvm::find_if(known, [&](StringRef name) {
      return StringRef(key).edit_distance_insensitive(name) <= name.size() / 3;
    });
    if (meant != known.end())
      error(place, "unknown key '" + key + "': did you mean '" + *meant + "'?");
    else
      warnings.push_back(place + ": the key '" + key + "' is ignored");
  }
}

Choice Reader::readChoice(const json::Value &value, const std::string &place) {
  Choice choice;
  const json::Object *object = readObject(value, place);
  if (!object)
    return choice;
  checkKeys(*object, {"format", "damage", "costs"}, place);
  if (const json::Value *format = getMember(*object, "format", place))
    choice.format = readString(*format, place + ".format");
  if (const json::Value *damage = getMember(*object, "damage", place))
    choice.damage = readNumber(*damage, place + ".damage");
  if (const json::Value *costs = object->get("costs"))
    choice.costs =
        readMap(*costs, place + ".costs",
                [&](const json::Value &cost, const std::string &where) {
                  return readNumber(cost, where);
                });
  return choice;
}

Group Reader::readGroup(const json::Value &value, const std::string &place) {
  Group group;
  const json::Object *object = readObject(value, place);
  if (!object)
    return group;
  checkOpenKeys(*object, {"name", "choices"}, place);
  std::string where = place;
  if (const json::Value *name = getMember(*object, "name", place)) {
    group.name = readString(*name, place + ".name");
    where += " ('" + group.name + "')";
  }
  if (const json::Value *choices = getMember(*object, "choices", where))
    group.choices =
        readList(*choices, where + ".choices",
                 [&](const json::Value &choice, const std::string &at) {
                   return readChoice(choice, at);
                 });
  return group;
}

PairwiseTerm Reader::readPairwise(const json::Value &value,
                                  const std::string &place) {
  PairwiseTerm term;
  const json::Object *object = readObject(value, place);
  if (!object)
    return term;
  checkKeys(*object, {"groups", "formats", "damage"}, place);
  auto readTwo = [&](StringRef key, std::array<std::string, 2> &result) {
    const json::Value *list = getMember(*object, key, place);
    if (!list)
      return;
    std::string where = place + "." + key.str();
    std::vector<std::string> names = readStrings(*list, where);
    if (names.size() != 2)
      return error(where,
                   "expected two names, found " + llvm::Twine(names.size()));
    result = {names[0], names[1]};
  };
  readTwo("groups", term.groups);
  readTwo("formats", term.formats);
  if (const json::Value *damage = getMember(*object, "damage", place))
    term.damage = readNumber(*damage, place + ".damage");
  return term;
}

Budget Reader::readBudget(const json::Value &value, const std::string &place) {
  Budget budget;
  const json::Object *object = readObject(value, place);
  if (!object)
    return budget;
  checkKeys(*object, {"max", "fraction"}, place);
  if (const json::Value *max = object->get("max"))
    budget.max = readNumber(*max, place + ".max");
  if (const json::Value *fraction = object->get("fraction"))
    budget.fraction = readNumber(*fraction, place + ".fraction");
  return budget;
}

KnownOptimum Reader::readKnownOptimum(const json::Object &object,
                                      const std::string &place) {
  KnownOptimum known;
  if (const json::Value *objective = object.get("objective"))
    known.objective = readNumber(*objective, place + ".objective");
  if (const json::Value *choice = object.get("choice"))
    known.choice =
        readMap(*choice, place + ".choice",
                [&](const json::Value &format, const std::string &where) {
                  return readString(format, where);
                });
  if (!known.objective && known.choice.empty())
    error(place, "has neither 'objective' nor 'choice'");
  return known;
}

Problem Reader::readProblem(const json::Value &value) {
  Problem problem;
  const json::Object *object = readObject(value, "problem");
  if (!object)
    return problem;
  checkOpenKeys(*object,
                {"groups", "pairwise", "ties", "forced", "budgets", "expected"},
                "problem");
  if (const json::Value *groups = getMember(*object, "groups", "problem"))
    problem.groups =
        readList(*groups, "groups",
                 [&](const json::Value &group, const std::string &place) {
                   return readGroup(group, place);
                 });
  if (const json::Value *pairwise = object->get("pairwise"))
    problem.pairwise =
        readList(*pairwise, "pairwise",
                 [&](const json::Value &term, const std::string &place) {
                   return readPairwise(term, place);
                 });
  if (const json::Value *ties = object->get("ties"))
    problem.ties = readList(
        *ties, "ties", [&](const json::Value &tie, const std::string &place) {
          return readStrings(tie, place);
        });
  if (const json::Value *forced = object->get("forced"))
    problem.forced =
        readMap(*forced, "forced",
                [&](const json::Value &format, const std::string &place) {
                  return readString(format, place);
                });
  if (const json::Value *budgets = object->get("budgets"))
    problem.budgets =
        readMap(*budgets, "budgets",
                [&](const json::Value &budget, const std::string &place) {
                  return readBudget(budget, place);
                });
  if (const json::Value *expected = object->get("expected"))
    if (const json::Object *known = readObject(*expected, "expected")) {
      checkKeys(*known, {"objective", "choice"}, "expected");
      problem.expected = readKnownOptimum(*known, "expected");
    }
  return problem;
}

llvm::Expected<Problem>
mlir::qfmt::assignment::parseProblem(StringRef text,
                                     std::vector<std::string> *warnings) {
  llvm::Expected<json::Value> value = mlir::qfmt::parseUniqueJson(text);
  if (!value)
    return value.takeError();
  Reader reader;
  Problem problem = reader.readProblem(*value);
  if (llvm::Error error = reader.takeError())
    return error;
  if (warnings)
    *warnings = reader.takeWarnings();
  return problem;
}

llvm::Expected<KnownOptimum>
mlir::qfmt::assignment::parseKnownOptimum(StringRef text) {
  llvm::Expected<json::Value> value = mlir::qfmt::parseUniqueJson(text);
  if (!value)
    return value.takeError();
  const json::Object *object = value->getAsObject();
  if (!object || !object->get("choice"))
    return llvm::createStringError("expected a solution: an object with "
                                   "'choice'");
  Reader reader;
  KnownOptimum known = reader.readKnownOptimum(*object, "solution");
  if (llvm::Error error = reader.takeError())
    return error;
  return known;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

void mlir::qfmt::assignment::writeNumber(json::OStream &stream, StringRef key,
                                         double value) {
  stream.attributeBegin(key);
  stream.rawValue(toString(value));
  stream.attributeEnd();
}

static void writeNumbers(json::OStream &stream, StringRef key,
                         const std::map<std::string, double> &values) {
  stream.attributeObject(key, [&] {
    for (const auto &[name, value] : values)
      writeNumber(stream, name, value);
  });
}

static void writeUses(json::OStream &stream, StringRef key,
                      const std::map<std::string, BudgetUse> &uses) {
  stream.attributeObject(key, [&] {
    for (const auto &[name, use] : uses)
      stream.attributeObject(name, [&, &use = use] {
        writeNumber(stream, "used", use.used);
        writeNumber(stream, "limit", use.limit);
        writeNumber(stream, "slack", use.slack);
      });
  });
}

static void writeGroup(json::OStream &stream, const Group &group) {
  stream.object([&] {
    stream.attribute("name", group.name);
    stream.attributeArray("choices", [&] {
      for (const Choice &choice : group.choices)
        stream.object([&] {
          stream.attribute("format", choice.format);
          writeNumber(stream, "damage", choice.damage);
          if (!choice.costs.empty())
            writeNumbers(stream, "costs", choice.costs);
        });
    });
  });
}

static void writeStrings(json::OStream &stream,
                         llvm::ArrayRef<std::string> strings) {
  stream.array([&] {
    for (const std::string &string : strings)
      stream.value(string);
  });
}

static void writeFormats(json::OStream &stream, StringRef key,
                         const std::map<std::string, std::string> &formats) {
  stream.attributeObject(key, [&] {
    for (const auto &[group, format] : formats)
      stream.attribute(group, format);
  });
}

static void writePairwise(json::OStream &stream, const Problem &problem) {
  stream.attributeArray("pairwise", [&] {
    for (const PairwiseTerm &term : problem.pairwise)
      stream.object([&] {
        stream.attributeBegin("groups");
        writeStrings(stream, term.groups);
        stream.attributeEnd();
        stream.attributeBegin("formats");
        writeStrings(stream, term.formats);
        stream.attributeEnd();
        writeNumber(stream, "damage", term.damage);
      });
  });
}

static void writeBudgets(json::OStream &stream, const Problem &problem) {
  stream.attributeObject("budgets", [&] {
    for (const auto &[name, budget] : problem.budgets)
      stream.attributeObject(name, [&, &budget = budget] {
        if (budget.max)
          writeNumber(stream, "max", *budget.max);
        if (budget.fraction)
          writeNumber(stream, "fraction", *budget.fraction);
      });
  });
}

void mlir::qfmt::assignment::writeProblem(json::OStream &stream,
                                          const Problem &problem) {
  stream.object([&] {
    stream.attributeArray("groups", [&] {
      for (const Group &group : problem.groups)
        writeGroup(stream, group);
    });
    if (!problem.pairwise.empty())
      writePairwise(stream, problem);
    if (!problem.ties.empty())
      stream.attributeArray("ties", [&] {
        for (const std::vector<std::string> &tie : problem.ties)
          writeStrings(stream, tie);
      });
    if (!problem.forced.empty())
      writeFormats(stream, "forced", problem.forced);
    if (!problem.budgets.empty())
      writeBudgets(stream, problem);
    if (problem.expected)
      stream.attributeObject("expected", [&] {
        if (problem.expected->objective)
          writeNumber(stream, "objective", *problem.expected->objective);
        if (!problem.expected->choice.empty())
          writeFormats(stream, "choice", problem.expected->choice);
      });
  });
}

static void writeNext(json::OStream &stream, const Problem &problem,
                      const Solution &solution) {
  stream.attributeObject("next", [&] {
    for (auto [group, next] :
         llvm::zip_equal(problem.groups, solution.nextBetter)) {
      if (!next)
        continue;
      stream.attributeObject(group.name, [&, &group = group, &next = next] {
        stream.attribute("format", group.choices[next->choice].format);
        writeNumber(stream, "damage_saved", next->damageSaved);
        writeNumbers(stream, "costs", next->extraCosts);
        writeNumbers(stream, "exceeds", next->exceeds);
      });
    }
  });
}

void mlir::qfmt::assignment::writeSolutionMembers(json::OStream &stream,
                                                  const Problem &problem,
                                                  const Solution &solution) {
  stream.attribute("status", stringifyStatus(solution.status));
  if (solution.assignment.empty()) {
    if (solution.status != Status::Infeasible)
      return;
    writeUses(stream, "least", solution.shortfall.alone);
    if (!solution.shortfall.together.empty())
      writeUses(stream, "closest", solution.shortfall.together);
    stream.attributeBegin("reasons");
    writeStrings(stream, explainInfeasibility(problem, solution));
    stream.attributeEnd();
    return;
  }
  writeNumber(stream, "objective", solution.objective);
  if (std::isfinite(solution.bound))
    writeNumber(stream, "bound", solution.bound);
  stream.attributeObject("choice", [&] {
    for (auto [group, choice] :
         llvm::zip_equal(problem.groups, solution.assignment))
      stream.attribute(group.name, group.choices[choice].format);
  });
  writeUses(stream, "budgets", solution.budgets);
  writeNumbers(stream, "costs", solution.costs);
  writeNext(stream, problem, solution);
}

void mlir::qfmt::assignment::writeSolution(json::OStream &stream,
                                           const Problem &problem,
                                           const Solution &solution) {
  stream.object([&] { writeSolutionMembers(stream, problem, solution); });
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "LayerTables.h"
#include "MomentArrays.h"
#include "qfmt/Support/UniqueJson.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::qfmt;

static llvm::Error makeError(StringRef path, const Twine &message) {
  return llvm::createStringError("'" + path + "' " + message);
}

/// The members of the object which the file holds.
static llvm::Expected<llvm::json::Object> readObject(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return makeError(path, "cannot be read: " + buffer.getError().message());
  llvm::Expected<llvm::json::Value> value =
      parseUniqueJson((*buffer)->getBuffer());
  if (!value)
    return makeError(path,
                     "cannot be read: " + llvm::toString(value.takeError()));
  if (llvm::json::Object *object = value->getAsObject())
    return std::move(*object);
  return makeError(path, "is no JSON object of layers");
}

/// The keys of an object, sorted: its own order is none.
static std::vector<std::string> getKeys(const llvm::json::Object &object) {
  std::vector<std::string> keys;
  for (const auto &member : object)
    keys.push_back(member.first.str());
  llvm::sort(keys);
  return keys;
}

std::string mlir::qfmt::listNames(SmallVector<StringRef> names) {
  constexpr size_t kMost = 8;
  if (names.empty())
    return "none";
  llvm::sort(names);
  bool isLong = names.size() > kMost;
  std::string list = llvm::join(
      ArrayRef(names).take_front(std::min(kMost, names.size())), ", ");
  return isLong ? list + ", ..." : list;
}

llvm::Expected<TraceTable> mlir::qfmt::readTraces(StringRef path) {
  llvm::Expected<llvm::json::Object> object = readObject(path);
  if (!object)
    return object.takeError();
  TraceTable table;
  for (const std::string &layer : getKeys(*object)) {
    std::optional<double> trace = object->getNumber(layer);
    if (!trace)
      return makeError(path, "has no number for the layer '" + layer + "'");
    table[layer] = *trace;
  }
  return table;
}

/// The text of the choice that `text` means, or why it means none.
static llvm::Expected<std::string> normalizeChoice(StringRef text,
                                                   MLIRContext *context) {
  std::string complaint;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (complaint.empty())
      complaint = diagnostic.str();
  });
  FailureOr<FormatChoice> choice = FormatChoice::parse(
      text, context, [&] { return emitError(UnknownLoc::get(context)); });
  if (failed(choice))
    return llvm::createStringError(complaint);
  return choice->str();
}

static llvm::Expected<ChoiceTable> readChoices(StringRef path,
                                               const llvm::json::Object &object,
                                               MLIRContext *context) {
  ChoiceTable table;
  for (const std::string &layer : getKeys(object)) {
    const llvm::json::Object *choices = object.getObject(layer);
    if (!choices)
      return makeError(path, "has no object of choices for the layer '" +
                                 layer + "'");
    for (const std::string &text : getKeys(*choices)) {
      auto where = [&] { return "layer '" + layer + "', '" + text + "'"; };
      llvm::Expected<std::string> choice = normalizeChoice(text, context);
      if (!choice)
        return makeError(path,
                         where() + ": " + llvm::toString(choice.takeError()));
      std::optional<double> number = choices->getNumber(text);
      if (!number)
        return makeError(path, where() + " has no number");
      if (!table[layer].try_emplace(*choice, *number).second)
        return makeError(path, where() + " is there twice, as " + *choice);
    }
  }
  return table;
}

llvm::Expected<ChoiceTable> mlir::qfmt::readChoiceTable(StringRef path,
                                                        MLIRContext *context) {
  llvm::Expected<llvm::json::Object> object = readObject(path);
  if (!object)
    return object.takeError();
  return readChoices(path, *object, context);
}

/// The two strings of a list; none if it is no such list.
static std::optional<std::array<std::string, 2>>
getTwoStrings(const llvm::json::Array *list) {
  if (!list || list->size() != 2)
    return std::nullopt;
  std::optional<StringRef> first = (*list)[0].getAsString(),
                           second = (*list)[1].getAsString();
  if (!first || !second)
    return std::nullopt;
  return std::array<std::string, 2>{first->str(), second->str()};
}

static llvm::Expected<assignment::PairwiseTerm>
readPairwiseTerm(const llvm::json::Value &value, MLIRContext *context) {
  const llvm::json::Object *object = value.getAsObject();
  std::optional<std::array<std::string, 2>> layers, formats;
  std::optional<double> damage;
  if (object && object->size() == 3) {
    layers = getTwoStrings(object->getArray("layers"));
    formats = getTwoStrings(object->getArray("formats"));
    damage = object->getNumber("damage");
  }
  if (!layers || !formats || !damage)
    return llvm::createStringError(
        "is not {\"layers\": [string, string], \"formats\": [string, string], "
        "\"damage\": number}");
  for (std::string &format : *formats) {
    llvm::Expected<std::string> choice = normalizeChoice(format, context);
    if (!choice)
      return llvm::createStringError(
          "'" + format + "': " + llvm::toString(choice.takeError()));
    format = *choice;
  }
  return assignment::PairwiseTerm{*layers, *formats, *damage};
}

llvm::Expected<MeasuredTable> mlir::qfmt::readMeasured(StringRef path,
                                                       MLIRContext *context) {
  llvm::Expected<llvm::json::Object> object = readObject(path);
  if (!object)
    return object.takeError();
  MeasuredTable table;
  if (const llvm::json::Array *terms = object->getArray("pairwise")) {
    for (auto [index, value] : llvm::enumerate(*terms)) {
      llvm::Expected<assignment::PairwiseTerm> term =
          readPairwiseTerm(value, context);
      if (!term)
        return makeError(path, "pairwise[" + Twine(index) +
                                   "]: " + llvm::toString(term.takeError()));
      table.pairwise.push_back(std::move(*term));
    }
    object->erase("pairwise");
  }
  llvm::Expected<ChoiceTable> alone = readChoices(path, *object, context);
  if (!alone)
    return alone.takeError();
  table.alone = std::move(*alone);
  return table;
}

llvm::Expected<MomentTable> mlir::qfmt::readMoments(StringRef path) {
  llvm::Expected<std::vector<NamedArray>> arrays = readNpz(path);
  if (!arrays)
    return arrays.takeError();
  llvm::StringSet<> names;
  for (const NamedArray &member : *arrays)
    names.insert(member.name);
  MomentTable table;
  for (const NamedArray &member : *arrays) {
    StringRef layer = getStatisticsLayer(member.name);
    if (!layer.empty() && names.contains(layer))
      continue;
    std::string dtype = member.array.getDtype();
    if (dtype != "f4" && dtype != "f8")
      return makeError(path, "has an array of " + dtype + " for the layer '" +
                                 member.name + "'; moments are f4 or f8");
    MomentMatrices matrices{member.array.shape,
                            dtype == "f4"
                                ? readElements<float, double>(member.array)
                                : readElements<double, double>(member.array)};
    if (!table.try_emplace(member.name, std::move(matrices)).second)
      return makeError(path, "has two arrays for the layer '" + member.name +
                                 "'; keep one");
  }
  return table;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/UniqueJson.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <vector>

using llvm::StringRef;
namespace json = llvm::json;

namespace {
/// Walks over the tokens of a document that json::parse has accepted: brackets
/// match, and a string before a colon is a key.
class KeyScanner {
public:
  explicit KeyScanner(StringRef text) : text(text) {}

  /// A line for each key that an object has once more.
  std::vector<std::string> run() {
    for (position = 0; position < text.size(); ++position)
      switch (text[position]) {
      case '{':
      case '[':
        open.emplace_back();
        break;
      case '}':
      case ']':
        open.pop_back();
        break;
      case ',':
        ++open.back().index;
        break;
      case '"':
        scanString();
        break;
      default:
        break;
      }
    return std::move(repeated);
  }

private:
  /// An object or a list that has begun.
  struct Container {
    llvm::StringSet<> keys;
    /// Of the member that is being read; none in a list.
    std::optional<std::string> key;
    /// Of the element that is being read.
    size_t index = 0;
  };

  /// From the quote at `position` to the one that closes it.
  void scanString() {
    size_t begin = position++;
    while (text[position] != '"')
      position += text[position] == '\\' ? 2 : 1;
    StringRef token = text.slice(begin, position + 1);
    if (!text.drop_front(position + 1).ltrim(" \t\r\n").starts_with(":"))
      return;
    // Keys are equal if what they mean is, however they are escaped.
    std::string key = llvm::cantFail(json::parse(token)).getAsString()->str();
    if (!open.back().keys.insert(key).second)
      repeated.push_back(
          getPlace() + "the key '" + key + "' is there twice (line " +
          std::to_string(text.take_front(begin).count('\n') + 1) +
          "): keep one");
    open.back().key = std::move(key);
  }

  /// "groups[0].costs: " of the innermost container, nothing for the outermost.
  std::string getPlace() const {
    std::string place;
    for (const Container &container : llvm::ArrayRef(open).drop_back())
      if (container.key)
        place += (place.empty() ? "" : ".") + *container.key;
      else
        place += "[" + std::to_string(container.index) + "]";
    return place.empty() ? place : place + ": ";
  }

  StringRef text;
  size_t position = 0;
  std::vector<Container> open;
  std::vector<std::string> repeated;
};
} // namespace

/// json::parse calls itself for what is inside a list or an object, and would
/// run out of stack.
static bool isTooDeep(StringRef text) {
  constexpr unsigned kMaxDepth = 256;
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{') && ++depth > kMaxDepth)
      return true;
    else if (!inString && (c == ']' || c == '}') && depth > 0)
      --depth;
  }
  return false;
}

llvm::Expected<json::Value> mlir::qfmt::parseUniqueJson(StringRef text) {
  if (isTooDeep(text))
    return llvm::createStringError("lists and objects are nested too deeply");
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return value.takeError();
  std::vector<std::string> repeated = KeyScanner(text).run();
  if (!repeated.empty())
    return llvm::createStringError(llvm::join(repeated, "\n"));
  return value;
}

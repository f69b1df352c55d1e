//===- AssemblyParser.cpp - Inline PTX as statements ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Assembly.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;

namespace mlir::qfmt::sim {

namespace {

class Parser {
public:
  Parser(StringRef text, AssemblyProgram &program)
      : rest(text), program(program) {}

  bool parse();

private:
  bool parseStatement();
  bool parseOperand(AssemblyOperand &operand);
  bool parseValue(AssemblyOperand &operand);
  bool parseRegister(StringRef name, AssemblyValue &value);

  void skipSpace() {
    rest = rest.ltrim();
    while (rest.consume_front("//"))
      rest = rest.drop_until([](char c) { return c == '\n'; }).ltrim();
  }
  bool consume(StringRef token) {
    skipSpace();
    return rest.consume_front(token);
  }
  StringRef takeWord() {
    skipSpace();
    StringRef word = rest.take_while([](char c) {
      return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.' || c == ':' ||
             c == '%';
    });
    rest = rest.drop_front(word.size());
    return word;
  }

  StringRef rest;
  AssemblyProgram &program;
  llvm::StringMap<int> names;
  llvm::StringMap<int> labels;
};

} // namespace

bool Parser::parseRegister(StringRef name, AssemblyValue &value) {
  if (name == "_") {
    value.reg = -2;
    return true;
  }
  StringRef digits = name;
  if (digits.consume_front("$")) {
    unsigned number;
    // An input that is tied to an output is another name of its register.
    if (digits.getAsInteger(10, number) ||
        number >= program.numOutputs + program.ties.size())
      return false;
    if (number >= program.numOutputs &&
        program.ties[number - program.numOutputs] >= 0)
      number = program.ties[number - program.numOutputs];
    value.reg = number;
    return true;
  }
  auto [it, isNew] = names.try_emplace(name, program.numRegisters);
  if (isNew)
    ++program.numRegisters;
  value.reg = it->second;
  return true;
}

bool Parser::parseValue(AssemblyOperand &operand) {
  AssemblyValue value;
  if (consume("!"))
    value.isNegated = true;
  bool isMinus = consume("-");
  StringRef word = takeWord();
  if (word.empty())
    return false;
  if (llvm::isDigit(word.front())) {
    // 0f3F800000 is the f32 with these bits.
    bool isFloat = word.consume_front("0f") || word.consume_front("0F");
    if (word.getAsInteger(isFloat ? 16 : 0, value.number))
      return false;
    value.number = isMinus ? -value.number : value.number;
  } else if (isMinus || !parseRegister(word, value)) {
    return false;
  }
  operand.push_back(value);
  // "a|b" are two results.
  return !consume("|") || parseValue(operand);
}

bool Parser::parseOperand(AssemblyOperand &operand) {
  char close = consume("{") ? '}' : consume("[") ? ']' : 0;
  if (!close)
    return parseValue(operand);
  do {
    if (!parseOperand(operand))
      return false;
    // An address and a number.
    if (consume("+") && !consume("0"))
      return false;
  } while (consume(","));
  return consume(StringRef(&close, 1));
}

bool Parser::parseStatement() {
  AssemblyStatement statement;
  if (consume("@")) {
    statement.hasPredicate = true;
    AssemblyOperand predicate;
    if (!parseValue(predicate))
      return false;
    statement.predicate = predicate.front();
  }
  StringRef opcode = takeWord();
  // "label:"
  if (opcode.size() > 1 && opcode.ends_with(":") && !opcode.contains('.')) {
    labels[opcode.drop_back()] = program.statements.size();
    return true;
  }
  if (opcode.starts_with(".reg")) {
    rest = rest.drop_until([](char c) { return c == ';'; });
    return consume(";");
  }
  statement.opcode = opcode.str();
  if (opcode.starts_with("bra")) {
    statement.opcode = "bra";
    statement.label = takeWord().str();
  } else {
    while (!rest.ltrim().starts_with(";")) {
      statement.operands.emplace_back();
      if (!parseOperand(statement.operands.back()))
        return false;
      if (!consume(","))
        break;
    }
  }
  // The last one may have no semicolon.
  if (!consume(";") && !rest.trim().empty() && !rest.trim().starts_with("}"))
    return false;
  program.statements.push_back(std::move(statement));
  return true;
}

bool Parser::parse() {
  for (;;) {
    // Braces around statements are scopes; names are not used twice.
    if (consume("{") || consume("}") || consume(";"))
      continue;
    skipSpace();
    if (rest.empty())
      break;
    if (!parseStatement())
      return false;
  }
  for (AssemblyStatement &statement : program.statements) {
    if (statement.opcode != "bra")
      continue;
    auto it = labels.find(statement.label);
    if (it == labels.end())
      return false;
    statement.target = it->second;
  }
  return program.numRegisters <= kMaxRegisters;
}

bool parseAssembly(StringRef text, StringRef constraints,
                   AssemblyProgram &program, std::string &problem) {
  llvm::SmallVector<StringRef> parts;
  constraints.split(parts, ',', -1, false);
  for (StringRef part : parts) {
    if (part.starts_with("~"))
      continue;
    if (part.starts_with("=")) {
      ++program.numOutputs;
      continue;
    }
    int tie;
    program.ties.push_back(part.getAsInteger(10, tie) ? -1 : tie);
  }
  program.numRegisters = program.numOutputs + program.ties.size();
  if (Parser(text, program).parse())
    return true;
  problem = "cannot be read";
  return false;
}

} // namespace mlir::qfmt::sim

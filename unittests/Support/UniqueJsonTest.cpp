//===- UniqueJsonTest.cpp -------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Support/UniqueJson.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt;

static std::string getErrors(llvm::StringRef text) {
  llvm::Expected<llvm::json::Value> value = parseUniqueJson(text);
  return value ? "" : llvm::toString(value.takeError());
}

TEST(UniqueJsonTest, ReadsWhatEveryoneReads) {
  for (llvm::StringRef text :
       {"1", "\"a\"", "[]", "{}", "[[1, {}], {\"a\": [\"a\", \"a\"]}]",
        "{\"a\": {\"a\": \"a\"}, \"b\": {\"a\": 1}, \"\": 2}",
        "[\"{\\\"\", \"\\\\\", {\"\\\\\\\"\": \":\", \"\\\\\": \"}\"}]",
        "[{\"a\": 1}, {\"a\": 2}]"}) {
    llvm::Expected<llvm::json::Value> found = parseUniqueJson(text);
    ASSERT_TRUE(bool(found)) << text.str();
    EXPECT_EQ(*found, llvm::cantFail(llvm::json::parse(text)));
  }
}

TEST(UniqueJsonTest, RefusesWhatIsNoJson) {
  EXPECT_EQ(getErrors("{\"a\": 1"),
            llvm::toString(llvm::json::parse("{\"a\": 1").takeError()));
}

TEST(UniqueJsonTest, NamesKeysThatAreThereTwice) {
  EXPECT_EQ(getErrors("{\"a\": 1,\n \"b\": 2, \"a\": 3}"),
            "the key 'a' is there twice (line 2): keep one");
  EXPECT_EQ(getErrors("{\"a\": [{}, {\"b\": {\"c\": 1, \"c\" : 1}}]}"),
            "a[1].b: the key 'c' is there twice (line 1): keep one");
  EXPECT_EQ(getErrors("[0, [{\"a\": \"b\", \"b\": \"a\", \"b\": \"c\"}]]"),
            "[1][0]: the key 'b' is there twice (line 1): keep one");
  // Each once more than once, in the order of the document.
  EXPECT_EQ(getErrors("{\"a\": {\"b\": 1, \"b\": 2}, \"a\": 3, \"a\": 4}"),
            "a: the key 'b' is there twice (line 1): keep one\n"
            "the key 'a' is there twice (line 1): keep one\n"
            "the key 'a' is there twice (line 1): keep one");
}

/// The same key written in another way.
TEST(UniqueJsonTest, ComparesWhatKeysMean) {
  EXPECT_EQ(getErrors("{\"i4/i8\": 1, \"i4\\/i8\": 2}"),
            "the key 'i4/i8' is there twice (line 1): keep one");
  EXPECT_EQ(getErrors("{\"a\": 1, \"\\u0061\": 2}"),
            "the key 'a' is there twice (line 1): keep one");
  EXPECT_EQ(getErrors("{\"a\": 1, \"a\\\\\": 2, \"\\\"a\": 3}"), "");
}

/// llvm::json::parse would run out of stack.
TEST(UniqueJsonTest, RefusesDeepNesting) {
  auto nest = [](unsigned depth) {
    return std::string(depth, '[') + "\"[{\\\"[\"" + std::string(depth, ']');
  };
  EXPECT_EQ(getErrors(nest(256)), "");
  EXPECT_EQ(getErrors(nest(257)), "lists and objects are nested too deeply");
  EXPECT_EQ(getErrors(std::string(1000000, '[')),
            "lists and objects are nested too deeply");
}

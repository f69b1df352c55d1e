//===- JsonTest.cpp -------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qfmt/Assignment/Json.h"
#include "RandomInstances.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace mlir::qfmt::assignment;

static std::string print(const Problem &problem) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream stream(os);
  writeProblem(stream, problem);
  return text;
}

static std::string getErrors(llvm::StringRef text) {
  llvm::Expected<Problem> problem = parseProblem(text);
  return problem ? "" : llvm::toString(problem.takeError());
}

TEST(JsonTest, ProblemsSurviveTheRoundTrip) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Problem problem = makeRandomProblem(seed);
    problem.expected = KnownOptimum{0.1 * seed, {{"g0", "i4"}}};
    llvm::Expected<Problem> again = parseProblem(print(problem));
    ASSERT_TRUE(bool(again));
    EXPECT_EQ(print(problem), print(*again));
    ASSERT_EQ(problem.groups.size(), again->groups.size());
    for (size_t g = 0; g < problem.groups.size(); ++g)
      for (size_t c = 0; c < problem.groups[g].choices.size(); ++c) {
        EXPECT_EQ(problem.groups[g].choices[c].damage,
                  again->groups[g].choices[c].damage);
        EXPECT_EQ(problem.groups[g].choices[c].costs,
                  again->groups[g].choices[c].costs);
      }
  }
}

TEST(JsonTest, TakesIntegersForNumbers) {
  Problem problem = llvm::cantFail(parseProblem(
      R"({"groups": [{"name": "a", "choices":
            [{"format": "i4", "damage": 1, "costs": {"bytes": 2.5e3}}]}],
          "budgets": {"bytes": {"max": 3000}}})"));
  EXPECT_EQ(problem.groups[0].choices[0].damage, 1);
  EXPECT_EQ(problem.groups[0].choices[0].costs["bytes"], 2500);
  EXPECT_EQ(problem.getLimit("bytes"), 3000);
}

TEST(JsonTest, NamesWhatIsWrongAndWhere) {
  EXPECT_EQ(getErrors("[]"), "problem: expected an object, found a list");
  EXPECT_EQ(getErrors("{}"), "problem: has no 'groups'");
  EXPECT_EQ(getErrors(R"({"groups": [], "budget": {}})"),
            "problem: unknown key 'budget': did you mean 'budgets'?");
  EXPECT_EQ(getErrors(R"({"groups": [{"name": 1, "choices": []}]})"),
            "groups[0].name: expected a string, found the number 1");
  EXPECT_EQ(
      getErrors(
          R"({"groups": [{"name": "a", "choices": [{"format": "i4"}]}]})"),
      "groups[0] ('a').choices[0]: has no 'damage'");
  EXPECT_EQ(getErrors(R"({"groups": [{"name": "a", "choices":
                [{"format": "i4", "damage": null}]}]})"),
            "groups[0] ('a').choices[0].damage: expected a number, found null");
  EXPECT_EQ(getErrors(R"({"groups": [{"name": "a", "choices":
                [{"format": "i4", "damage": 1, "cost": {}}]}]})"),
            "groups[0] ('a').choices[0]: unknown key 'cost': expected "
            "'format', 'damage', 'costs'");
  EXPECT_EQ(getErrors(R"({"groups": [], "pairwise":
                [{"groups": ["a"], "formats": ["i4", "i4"], "damage": 1}]})"),
            "pairwise[0].groups: expected two names, found 1");
  EXPECT_EQ(getErrors(R"({"groups": [], "ties": ["a"]})"),
            "ties[0]: expected a list, found the string 'a'");
  EXPECT_EQ(getErrors(R"({"groups": [], "forced": {"fc": 8}})"),
            "forced['fc']: expected a string, found the number 8");
  EXPECT_EQ(getErrors(R"({"groups": [], "budgets": {"ms": 5}})"),
            "budgets['ms']: expected an object, found the number 5");
  EXPECT_EQ(getErrors(R"({"groups": [], "budgets": {"ms": {"min": 5}}})"),
            "budgets['ms']: unknown key 'min': expected 'max', 'fraction'");
  EXPECT_EQ(getErrors(R"({"groups": [], "expected": {}})"),
            "expected: has neither 'objective' nor 'choice'");
  EXPECT_NE(getErrors(R"({"groups": [)"), "");
  EXPECT_NE(getErrors(R"({"groups": [{"name": "a", "choices":
                [{"format": "i4", "damage": NaN}]}]})"),
            "");
}

TEST(JsonTest, ReadsSolutions) {
  KnownOptimum known = llvm::cantFail(parseKnownOptimum(
      R"({"status": "optimal", "objective": 2, "choice": {"a": "i4"}})"));
  EXPECT_EQ(known.objective, 2.0);
  EXPECT_EQ(known.choice.at("a"), "i4");
  EXPECT_EQ(llvm::toString(parseKnownOptimum("{}").takeError()),
            "expected a solution: an object with 'choice'");
}

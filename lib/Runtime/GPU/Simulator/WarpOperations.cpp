//===- WarpOperations.cpp - Shuffles, votes, reductions of a warp ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As the PTX manual defines shfl.sync, vote.sync, match.sync, redux.sync, and
// elect.sync. A shuffle from a lane that takes no part, which is undefined,
// gives the poison.
//
//===----------------------------------------------------------------------===//

#include "Operations.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::qfmt::sim {

static constexpr uint32_t kPoisonWord = kPoison * 0x01010101u;

static bool isIn(const WarpCall &call, unsigned lane) {
  return call.arrived >> lane & 1;
}

template <typename Callback>
static void forEachLane(const WarpCall &call, Callback callback) {
  for (unsigned lane = 0; lane != kWarpSize; ++lane)
    if (isIn(call, lane))
      callback(lane);
}

//===----------------------------------------------------------------------===//
// Shuffles
//===----------------------------------------------------------------------===//

namespace {
enum class Shuffle : int64_t { Up, Down, Butterfly, Index };
} // namespace

/// Arguments: mask, value, lane or distance, clamp and segment.
static void applyShuffle(Warp &, unsigned, const WarpCall &call) {
  forEachLane(call, [&](unsigned lane) {
    const uint64_t *arguments = call.arguments[lane];
    int b = arguments[2] & 31, clamp = arguments[3] & 31;
    int segment = arguments[3] >> 8 & 31;
    int first = int(lane) & segment;
    int last = first | (clamp & ~segment);
    int source = lane;
    bool isInside = false;
    switch (Shuffle(call.site->fields[0])) {
    case Shuffle::Up:
      source = int(lane) - b;
      isInside = source >= last;
      break;
    case Shuffle::Down:
      source = lane + b;
      isInside = source <= last;
      break;
    case Shuffle::Butterfly:
      source = lane ^ b;
      isInside = source <= last;
      break;
    case Shuffle::Index:
      source = first | (b & ~segment);
      isInside = source <= last;
      break;
    }
    if (!isInside)
      source = lane;
    call.results[lane][0] =
        isIn(call, source) ? call.arguments[source][1] : kPoisonWord;
    call.results[lane][1] = isInside;
  });
}

//===----------------------------------------------------------------------===//
// Votes and matches
//===----------------------------------------------------------------------===//

namespace {
enum class Vote : int64_t { All, Any, Uniform, Ballot };
} // namespace

static void applyVote(Warp &, unsigned, const WarpCall &call) {
  uint32_t ballot = 0;
  forEachLane(call, [&](unsigned lane) {
    ballot |= uint32_t(call.arguments[lane][1] & 1) << lane;
  });
  uint64_t result = ballot;
  switch (Vote(call.site->fields[0])) {
  case Vote::All:
    result = ballot == call.arrived;
    break;
  case Vote::Any:
    result = ballot != 0;
    break;
  case Vote::Uniform:
    result = ballot == 0 || ballot == call.arrived;
    break;
  case Vote::Ballot:
    break;
  }
  forEachLane(call, [&](unsigned lane) { call.results[lane][0] = result; });
}

/// fields[0]: whether all lanes must be equal.
static void applyMatch(Warp &, unsigned, const WarpCall &call) {
  forEachLane(call, [&](unsigned lane) {
    uint32_t equal = 0;
    forEachLane(call, [&](unsigned other) {
      equal |= uint32_t(call.arguments[other][1] == call.arguments[lane][1])
               << other;
    });
    if (call.site->fields[0])
      equal = equal == call.arrived ? equal : 0;
    call.results[lane][0] = equal;
    call.results[lane][1] = equal != 0;
  });
}

static void applyElect(Warp &, unsigned, const WarpCall &call) {
  unsigned leader = llvm::countr_zero(call.arrived);
  forEachLane(call, [&](unsigned lane) {
    call.results[lane][0] = leader;
    call.results[lane][1] = lane == leader;
  });
}

static void readActiveMask(const Site &site, const uint64_t *,
                           uint64_t *results) {
  results[0] = ~currentCta->getWarp(currentThread->warp).exited;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

using Combine = uint32_t (*)(uint32_t, uint32_t);

/// Arguments: value, mask.
static void applyReduction(Warp &, unsigned, const WarpCall &call) {
  auto combine = reinterpret_cast<Combine>(call.site->fields[0]);
  unsigned first = llvm::countr_zero(call.arrived);
  uint32_t result = call.arguments[first][0];
  forEachLane(call, [&](unsigned lane) {
    if (lane != first)
      result = combine(result, call.arguments[lane][0]);
  });
  forEachLane(call, [&](unsigned lane) { call.results[lane][0] = result; });
}

static Combine findCombine(llvm::StringRef name) {
  using U = uint32_t;
  static constexpr std::pair<llvm::StringLiteral, Combine> kCombines[] = {
      {"add", [](U a, U b) { return a + b; }},
      {"and", [](U a, U b) { return a & b; }},
      {"or", [](U a, U b) { return a | b; }},
      {"xor", [](U a, U b) { return a ^ b; }},
      {"umin", [](U a, U b) { return std::min(a, b); }},
      {"umax", [](U a, U b) { return std::max(a, b); }},
      {"min", [](U a, U b) { return U(std::min(int32_t(a), int32_t(b))); }},
      {"max", [](U a, U b) { return U(std::max(int32_t(a), int32_t(b))); }}};
  for (auto [text, combine] : kCombines)
    if (name == text)
      return combine;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Calls `apply` for the lanes of the mask, argument number `operand`.
template <unsigned operand, WarpFunction apply>
static void runInWarp(const Site &site, const uint64_t *arguments,
                      uint64_t *results) {
  callWarp(site, arguments[operand], arguments, results, apply);
}

static bool setWarpHandler(Site &site, Handler handler, int64_t field = 0) {
  site.handler = handler;
  site.isBlocking = true;
  site.fields[0] = field;
  return true;
}

template <typename Enum, size_t n>
static bool findKind(llvm::StringRef name,
                     const std::pair<llvm::StringLiteral, Enum> (&kinds)[n],
                     Site &site, Handler handler) {
  for (auto [text, kind] : kinds)
    if (name == text)
      return setWarpHandler(site, handler, int64_t(kind));
  return false;
}

static bool findShuffle(llvm::StringRef name, Site &site) {
  static constexpr std::pair<llvm::StringLiteral, Shuffle> kShuffles[] = {
      {"up", Shuffle::Up},
      {"down", Shuffle::Down},
      {"bfly", Shuffle::Butterfly},
      {"idx", Shuffle::Index}};
  // {up,down,bfly,idx}.{i32,f32}[p]
  return findKind(name.split('.').first, kShuffles, site,
                  runInWarp<0, applyShuffle>);
}

static bool findVote(llvm::StringRef name, Site &site) {
  static constexpr std::pair<llvm::StringLiteral, Vote> kVotes[] = {
      {"all.sync", Vote::All},
      {"any.sync", Vote::Any},
      {"uni.sync", Vote::Uniform},
      {"ballot.sync", Vote::Ballot}};
  return findKind(name, kVotes, site, runInWarp<0, applyVote>);
}

bool findWarpOperation(llvm::StringRef name, Site &site) {
  if (name.consume_front("shfl.sync."))
    return findShuffle(name, site);
  if (name.consume_front("vote."))
    return findVote(name, site);
  if (name.consume_front("redux.sync.")) {
    Combine combine = findCombine(name);
    return combine && setWarpHandler(site, runInWarp<1, applyReduction>,
                                     reinterpret_cast<int64_t>(combine));
  }
  if (name.starts_with("match.all.sync."))
    return setWarpHandler(site, runInWarp<0, applyMatch>, 1);
  if (name.starts_with("match.any.sync."))
    return setWarpHandler(site, runInWarp<0, applyMatch>, 0);
  if (name == "elect.sync")
    return setWarpHandler(site, runInWarp<0, applyElect>);
  if (name == "activemask") {
    site.handler = readActiveMask;
    return true;
  }
  return false;
}

} // namespace mlir::qfmt::sim

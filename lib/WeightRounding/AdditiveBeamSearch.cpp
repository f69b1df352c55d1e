// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A state is one way to code a unit, with the image G = (W' - W) H of its
// errors. A visit of a group needs only the entries of G at its places, and
// changes G by the rows of H there: what it costs to try a vector does not
// depend on the depth.
//
// A sweep begins with one state and visits each group once, so that two states
// never become the same. Losses are added up while it goes on; at its end they
// are computed anew, from the values as they are read, and a unit whose loss
// has not become smaller keeps its codes.

#include "GroupSearch.h"
#include "qfmt/WeightRounding/AdditiveRounding.h"
#include <atomic>
#include <numeric>

using namespace mlir;
using namespace mlir::qfmt;

/// Units that are searched at once: bounds the memory.
static constexpr int64_t kUnits = 64;
/// Less than this part of a loss is no gain but a rounding error.
static constexpr double kTolerance = 1e-12;

namespace {
/// One way to code a unit.
struct UnitState {
  double loss;
  /// [patterns][tables]
  std::vector<uint32_t> codes;
  /// (W' - W) H, its rows one after the other.
  Eigen::RowVectorXd image;
};

/// Of some units.
class BeamSearch {
public:
  BeamSearch(const RoundingProblem &problem, const Matrix &moments,
             const AdditiveGrid &grid, AdditiveCodes &codes,
             std::vector<int64_t> units)
      : problem(problem), moments(moments), grid(grid), codes(codes),
        units(std::move(units)) {
    for (int64_t unit : this->units) {
      UnitState state;
      for (size_t j = 0; j < grid.getPatterns().size(); ++j)
        llvm::append_range(state.codes, getCodes(grid.getGroup(unit, j)));
      evaluate(unit, state);
      best.push_back(std::move(state));
    }
  }

  /// Returns how many sweeps changed something.
  unsigned run(unsigned beam, unsigned sweeps) {
    // Positions of units that may become better yet.
    std::vector<size_t> active(units.size());
    std::iota(active.begin(), active.end(), 0);
    unsigned sweep = 0;
    for (; sweep < sweeps; ++sweep) {
      std::vector<UnitState> found = sweepOver(active, beam);
      std::vector<size_t> improved;
      for (auto [position, state] : llvm::zip_equal(active, found)) {
        evaluate(units[position], state);
        if (!(state.loss < best[position].loss * (1 - kTolerance)))
          continue;
        best[position] = std::move(state);
        improved.push_back(position);
      }
      active = std::move(improved);
      if (active.empty())
        break;
    }
    return sweep;
  }

  /// Writes down the best codes.
  void store() {
    for (auto [unit, state] : llvm::zip_equal(units, best))
      for (size_t j = 0; j < grid.getPatterns().size(); ++j)
        llvm::copy(getCodes(state, j), codes.begin() + grid.getGroup(unit, j) *
                                                           grid.getNumTables());
  }

private:
  llvm::ArrayRef<uint32_t> getCodes(int64_t group) const {
    int64_t count = grid.getNumTables();
    return llvm::ArrayRef(codes).slice(group * count, count);
  }
  llvm::MutableArrayRef<uint32_t> getCodes(UnitState &state, size_t j) const {
    int64_t count = grid.getNumTables();
    return llvm::MutableArrayRef(state.codes).slice(j * count, count);
  }
  /// Where the place lies in a unit's image.
  int64_t locate(const AdditiveGrid::Pattern &pattern, int64_t place) const {
    return pattern.rows[place] * problem.depth + pattern.columns[place];
  }

  /// Computes the loss and the image from the codes.
  void evaluate(int64_t unit, UnitState &state) const {
    llvm::ArrayRef<int64_t> rows = grid.getRows(unit);
    Matrix errors(rows.size(), problem.depth);
    std::vector<double> values(grid.getGroupSize());
    for (auto [j, pattern] : llvm::enumerate(grid.getPatterns())) {
      grid.decode(grid.getGroup(unit, j), getCodes(state, j), values);
      for (auto [place, value] : llvm::enumerate(values)) {
        int64_t row = pattern.rows[place], column = pattern.columns[place];
        errors(row, column) =
            value - problem.weights[rows[row] * problem.depth + column];
      }
    }
    Matrix images = errors * moments;
    state.loss = errors.cwiseProduct(images).sum();
    state.image = Eigen::Map<Eigen::RowVectorXd>(images.data(), images.size());
  }

  /// What the units become.
  std::vector<UnitState> sweepOver(llvm::ArrayRef<size_t> active,
                                   unsigned beam) const {
    std::vector<std::vector<UnitState>> beams;
    for (size_t position : active)
      beams.push_back({best[position]});
    for (auto [j, pattern] : llvm::enumerate(grid.getPatterns())) {
      GroupSearch search(grid, pattern, pattern.columns, moments, beam);
      std::vector<GroupState> states;
      for (auto [owner, unitStates] : llvm::enumerate(beams)) {
        double scale = grid.getScale(grid.getGroup(units[active[owner]], j));
        for (auto [origin, state] : llvm::enumerate(unitStates))
          states.push_back(getGroup(state, j, owner, origin, scale));
      }
      search.run(states);
      for (size_t begin = 0; begin < states.size();) {
        size_t end = begin, owner = states[begin].owner;
        while (end < states.size() &&
               states[end].owner == static_cast<int64_t>(owner))
          ++end;
        accept(j, llvm::ArrayRef(states).slice(begin, end - begin),
               beams[owner]);
        begin = end;
      }
    }
    std::vector<UnitState> found;
    for (std::vector<UnitState> &unitStates : beams)
      found.push_back(std::move(*llvm::min_element(
          unitStates, [](const UnitState &a, const UnitState &b) {
            return a.loss < b.loss;
          })));
    return found;
  }

  GroupState getGroup(UnitState &state, size_t j, int64_t owner, int64_t origin,
                      double scale) const {
    const AdditiveGrid::Pattern &pattern = grid.getPatterns()[j];
    GroupState group{owner, origin, scale, state.loss, {}, {}};
    llvm::append_range(group.codes, getCodes(state, j));
    group.image.resize(grid.getGroupSize());
    for (int64_t place = 0; place < grid.getGroupSize(); ++place)
      group.image[place] = state.image[locate(pattern, place)];
    return group;
  }

  /// The states of one unit become those that `groups` say.
  void accept(size_t j, llvm::ArrayRef<GroupState> groups,
              std::vector<UnitState> &states) const {
    if (groups.size() == 1 && states.size() == 1)
      return change(j, groups.front(), states.front());
    std::vector<UnitState> next;
    for (const GroupState &group : groups) {
      next.push_back(states[group.origin]);
      change(j, group, next.back());
    }
    states = std::move(next);
  }

  void change(size_t j, const GroupState &group, UnitState &state) const {
    const AdditiveGrid::Pattern &pattern = grid.getPatterns()[j];
    llvm::MutableArrayRef<uint32_t> old = getCodes(state, j);
    if (llvm::equal(old, group.codes))
      return;
    for (int64_t place = 0; place < grid.getGroupSize(); ++place) {
      double change = 0;
      for (auto [table, code] : llvm::enumerate(group.codes)) {
        const double *vectors = grid.getTable(table) + place;
        change += vectors[code * grid.getGroupSize()] -
                  vectors[old[table] * grid.getGroupSize()];
      }
      state.image.segment(pattern.rows[place] * problem.depth, problem.depth) +=
          group.scale * change * moments.row(pattern.columns[place]);
    }
    llvm::copy(group.codes, old.begin());
    state.loss = group.loss;
  }

  const RoundingProblem &problem;
  const Matrix &moments;
  const AdditiveGrid &grid;
  AdditiveCodes &codes;
  std::vector<int64_t> units;
  std::vector<UnitState> best;
};
} // namespace

unsigned mlir::qfmt::improveByBeamSearch(const RoundingProblem &problem,
                                         const AdditiveGrid &grid,
                                         AdditiveCodes &codes, unsigned beam,
                                         unsigned sweeps,
                                         ForEachNumber forEach) {
  Matrix moments = getMoments(problem);
  std::atomic<unsigned> most = 0;
  forEachChunk(
      grid.getNumUnits(), kUnits, forEach, [&](int64_t first, int64_t end) {
        std::vector<int64_t> units(end - first);
        std::iota(units.begin(), units.end(), first);
        BeamSearch search(problem, moments, grid, codes, std::move(units));
        unsigned changed = search.run(/*beam=*/1, sweeps);
        if (beam > 1)
          changed += search.run(beam, sweeps);
        search.store();
        unsigned known = most;
        while (known < changed && !most.compare_exchange_weak(known, changed))
          ;
      });
  return most;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares compiled code with the reference evaluator on every code and every
// real where rounding may go wrong: each value, the middle to the next, the
// real where the rounding to nearest steps, what is next to each of them, and
// what lies beyond the ends. For every number format of at most 10 bits, and
// others; test/python/test_formats_exhaustive.py runs it.
//
//   qfmt-check-formats [--full] [--shard=i --shards=n] [TYPE ...]
//
// Prints up to ten differences a format and, last, what was compared. Exits
// with 1 if anything differed or could not be compiled.

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"
#include "qfmt/IR/Presets.h"
#include "qfmt/IR/QFmt.h"
#include "qfmt/Pipelines/Pipelines.h"
#include "qfmt/Reference/Evaluator.h"
#include "qfmt/Reference/ReferenceFormat.h"
#include "qfmt/Runtime/CompiledFunction.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace mlir;
using namespace mlir::qfmt;
using llvm::formatv;

static llvm::cl::opt<bool>
    fullOption("full", llvm::cl::desc("Every format of 11 to 16 bits in "
                                      "full, and every combination of modes"));
static llvm::cl::opt<unsigned> shardOption("shard", llvm::cl::init(0));
static llvm::cl::opt<unsigned> shardsOption("shards", llvm::cl::init(1));
static llvm::cl::list<std::string>
    typesOption(llvm::cl::Positional,
                llvm::cl::desc("number formats, instead of all"));

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

namespace {
/// The formats to check, each once. Spellings that the verifier refuses are
/// counted: most are those of builtin types and of values beyond f32.
class FormatList {
public:
  explicit FormatList(MLIRContext &context) : context(context) {}

  void add(const std::string &spelling);
  /// The formats of constituents of a tensor format.
  void addPartsOf(Attribute encoding);
  void addAll(bool full);

  std::vector<NumberFormat> formats;
  unsigned numRefused = 0;

private:
  void addIntegers();
  void addFixed();
  void addFloats(unsigned fromWidth, unsigned toWidth);
  void addTables();
  void addCodebooks();
  void addWide();
  void insert(NumberFormat format) {
    if (!llvm::is_contained(formats, format))
      formats.push_back(format);
  }

  MLIRContext &context;
};
} // namespace

void FormatList::add(const std::string &spelling) {
  ScopedDiagnosticHandler ignore(&context, [](Diagnostic &) {});
  Type type = parseType(spelling, &context);
  NumberFormat format;
  if (type)
    format = verifyNumberFormat(
        type, [&] { return emitError(UnknownLoc::get(&context)); });
  if (format)
    insert(format);
  else
    ++numRefused;
}

void FormatList::addPartsOf(Attribute encoding) {
  ScopedDiagnosticHandler ignore(&context, [](Diagnostic &) {});
  encoding.walk([&](Type type) {
    // f32 has more codes than can be tried, and other integer types belong to
    // parameters of the encoding.
    auto format = dyn_cast<NumberFormat>(type);
    if (format && succeeded(format.verifyFormat([&] {
          return emitError(UnknownLoc::get(&context));
        })) &&
        format.getFormatWidth() <= 16)
      insert(format);
  });
}

void FormatList::addIntegers() {
  for (int width = 1; width <= 10; ++width) {
    int half = 1 << (width - 1), all = 1 << width;
    add(formatv("i{0}", width));
    add(formatv("ui{0}", width));
    add(formatv("!qfmt.int<i{0}, {1}, {2}>", width, 1 - half, half - 1));
    add(formatv("!qfmt.int<i{0}, 0, {1}>", width, half - 1));
    add(formatv("!qfmt.int<i{0}, {1}, 0>", width, -half));
    add(formatv("!qfmt.int<i{0}, {1}, {2}>", width, -half, half / 2));
    add(formatv("!qfmt.int<i{0}, -1, 1>", width));
    add(formatv("!qfmt.int<ui{0}, 0, {1}>", width, all - 2));
    add(formatv("!qfmt.int<ui{0}, 0, {1}>", width, (all + 1) / 3));
  }
  add("!qfmt.ternary");
}

void FormatList::addFixed() {
  auto add = [&](int width, int integerBits) {
    for (const char *sign : {"", ", unsigned"})
      this->add(formatv("!qfmt.fixed<{0}, {1}{2}>", width, integerBits, sign));
  };
  for (int width = 1; width <= 10; ++width) {
    add(width, width / 2);
    add(width, width + 1);
  }
  // The ends of f32.
  for (int width : {1, 4, 10})
    for (int integerBits :
         {width + 40, 128, 0, -3, width - 126, width - 127, width - 149})
      add(width, integerBits);
}

void FormatList::addFloats(unsigned fromWidth, unsigned toWidth) {
  for (unsigned width = fromWidth; width <= toWidth; ++width)
    for (unsigned exponentBits = 1; exponentBits <= 8 && exponentBits < width;
         ++exponentBits)
      for (const char *specials : {"none", "ieee", "fn", "fnuz"})
        for (const char *subnormals : {"", ", no_subnormals"})
          // Without a bias that is not the usual one E = 8 has no finite values
          // at e = 255.
          for (const char *bias : {"", ", bias = 128"})
            if (!*bias || exponentBits == 8)
              add(formatv("!qfmt.float<{0}, {1}{2}, specials = {3}{4}>",
                          exponentBits, width - 1 - exponentBits, bias,
                          specials, subnormals));
}

void FormatList::addTables() {
  for (int width = 2; width <= 10; ++width) {
    for (const char *exponent :
         {"2.0", "0.5", "0.33333333333333331", "0.25", "0.37", "0.75", "0.9"})
      add(formatv("!qfmt.power<{0}, {1}>", width, exponent));
    for (int ones = 1; ones <= width; ++ones)
      for (const char *sign : {"", ", unsigned"})
        add(formatv("!qfmt.khot<{0}, {1}{2}>", width, ones, sign));
  }
}

void FormatList::addCodebooks() {
  for (const char *values :
       {"-1.0, 1.0", "0.0, 1.0", "-1.0, 0.0, 3.0", "1.0, 2.0, 4.0",
        "-4.0, -2.0, -1.0", "-3.0, -1.0, 1.0, 3.0",
        "1.40129846432481707e-45, 2.80259692864963414e-45",
        "-1.40129846432481707e-45, 1.40129846432481707e-45",
        "-3.4028234663852886e38, 0.0, 3.4028234663852886e38",
        "-3.4028234663852886e38, 3.4028234663852886e38",
        "1.0, 1.00000011920928955, 1.0e30", "-1.0e-30, 1.0",
        "-6.0, -4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, "
        "3.0, 4.0, 5.0, 6.0"})
    add(formatv("!qfmt.codebook<[{0}]>", values));
  std::mt19937 random(0);
  for (size_t count : {5, 16, 17, 100, 255, 256}) {
    std::vector<float> values;
    while (values.size() < count) {
      float value =
          std::ldexp(float(int(random() % 4096) - 2048), -int(random() % 20));
      if (!llvm::is_contained(values, value) && value != 0)
        values.push_back(value);
    }
    llvm::sort(values);
    std::vector<double> doubles(values.begin(), values.end());
    insert(
        CodebookType::get(&context, DenseF64ArrayAttr::get(&context, doubles)));
  }
}

/// Of 11 to 16 bits, some of each kind.
void FormatList::addWide() {
  for (int width = 11; width <= 16; ++width) {
    add(formatv("i{0}", width));
    add(formatv("ui{0}", width));
    add(formatv("!qfmt.int<i{0}, {1}, {2}>", width, 1 - (1 << (width - 1)),
                (1 << (width - 1)) - 1));
    add(formatv("!qfmt.fixed<{0}, {1}>", width, width / 2));
    add(formatv("!qfmt.fixed<{0}, {1}, unsigned>", width, width - 3));
    add(formatv("!qfmt.float<5, {0}>", width - 6));
    add(formatv("!qfmt.float<4, {0}, specials = fn, no_subnormals>",
                width - 5));
    add(formatv("!qfmt.float<8, {0}, specials = ieee, bias = 130>", width - 9));
  }
  add("!qfmt.khot<11, 3>");
  add("!qfmt.khot<12, 2>");
  add("!qfmt.khot<12, 4, unsigned>");
}

void FormatList::addAll(bool full) {
  addIntegers();
  addFixed();
  addFloats(2, 10);
  for (const char *options :
       {"2, 1, bias = 100", "2, 1, bias = 127", "2, 1, bias = 128",
        "3, 2, bias = 149", "3, 2, bias = -1", "3, 2, bias = -100",
        "4, 3, bias = 4", "4, 3, specials = fnuz, bias = 12",
        "8, 0, specials = ieee, bias = 127", "8, 1, specials = fn, bias = 135",
        "2, 1, negative_zero = 5.0", "2, 1, negative_zero = -8.0",
        "2, 1, negative_zero = 8.0", "2, 0, negative_zero = 3.0",
        "2, 0, negative_zero = -3.0", "3, 4, negative_zero = 0.1015625",
        "2, 3, specials = fn, no_subnormals, negative_zero = 7.5"})
    add(std::string("!qfmt.float<") + options + ">");
  addTables();
  addCodebooks();
  for (const char *name : {"f4E2M1FN", "f6E2M3FN", "f6E3M2FN", "f8E3M4",
                           "f8E4M3", "f8E4M3FN", "f8E4M3FNUZ", "f8E4M3B11FNUZ",
                           "f8E5M2", "f8E5M2FNUZ", "f8E8M0FNU", "f16", "bf16"})
    add(name);
  for (const Preset &preset : getPresets())
    if (TensorFormat format = preset.getFormat(&context, 2))
      addPartsOf(format);
  addWide();
  if (full)
    addFloats(11, 16);
}

//===----------------------------------------------------------------------===//
// Reals
//===----------------------------------------------------------------------===//

/// The first T above `low` that rounds to nearest to another code than `low`,
/// if that is not the middle to `high` or next to it.
template <typename T>
static std::optional<T> findStep(NumberFormat format, T low, T high) {
  auto encode = [&](T x) {
    return format.encodeReal(ExactReal::fromDouble(x), RoundingMode::HalfEven,
                             OverflowMode::Saturate, NaNMode::Zero);
  };
  uint64_t lowCode = encode(low);
  if (encode(high) == lowCode)
    return std::nullopt;
  T middle = low / 2 + high / 2;
  if (encode(std::nextafter(middle, low)) == lowCode &&
      encode(std::nextafter(middle, high)) != lowCode)
    return std::nullopt;
  while (true) {
    T guess = low / 2 + high / 2;
    if (guess <= low || guess >= high)
      return high;
    (encode(guess) == lowCode ? low : high) = guess;
  }
}

namespace {
template <typename T>
class Reals {
public:
  Reals(NumberFormat format, bool isSampled);

  std::vector<T> get() const { return reals; }

private:
  /// What is next to it and to its negation, too.
  void add(double value) {
    T infinity = std::numeric_limits<T>::infinity(), real = T(value);
    for (T x : {real, std::nextafter(real, infinity),
                std::nextafter(real, -infinity)})
      reals.push_back(x);
  }
  void addGap(NumberFormat format, double low, double high) {
    add(low);
    add(low / 2 + high / 2);
    if (std::optional<T> step = findStep<T>(format, T(low), T(high)))
      add(*step);
  }

  std::vector<T> reals;
};
} // namespace

/// The finite values, ascending, each once.
static std::vector<double> getValues(NumberFormat format) {
  std::vector<double> values;
  for (uint64_t code = 0; code < uint64_t(1) << format.getFormatWidth(); ++code)
    if (double value = format.decodeCode(code); std::isfinite(value))
      values.push_back(value + 0.0);
  llvm::sort(values);
  values.erase(llvm::unique(values), values.end());
  return values;
}

/// Of many values some, those at the ends and around 0 among them.
static std::vector<size_t> chooseGaps(ArrayRef<double> values, bool isSampled) {
  constexpr size_t few = 20;
  std::vector<size_t> gaps;
  size_t count = values.size() - 1;
  size_t zero = llvm::lower_bound(values, 0.0) - values.begin();
  std::mt19937 random(1);
  for (size_t i = 0; i < count; ++i)
    if (!isSampled || i < few || i + few >= count ||
        (i + few >= zero && i < zero + few) || random() % count < 400)
      gaps.push_back(i);
  return gaps;
}

template <typename T>
Reals<T>::Reals(NumberFormat format, bool isSampled) {
  using Limits = std::numeric_limits<T>;
  std::vector<double> values = getValues(format);
  for (size_t i : chooseGaps(values, isSampled))
    addGap(format, values[i], values[i + 1]);
  double first = values.front(), last = values.back();
  double firstGap = values[1] - first,
         lastGap = last - values[values.size() - 2];
  for (double factor : {0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 100.0}) {
    add(first - factor * firstGap);
    add(last + factor * lastGap);
  }
  // (-largest - 1 / 2, ...) decides in the symmetric range.
  for (double end : {first, last, -first, -last})
    for (double factor : {-1.0, 1.0, 1.25, 1.5, 2.0, 1000.0})
      add(end * factor);
  for (double sign : {1.0, -1.0}) {
    for (T value : {Limits::max(), Limits::min(), Limits::denorm_min(),
                    Limits::max() / 2, Limits::infinity(), T(1), T(0)})
      add(sign * value);
    reals.push_back(std::copysign(Limits::quiet_NaN(), T(sign)));
    reals.push_back(std::copysign(T(0), T(sign)));
  }
  auto bits = [](T x) {
    uint64_t result = 0;
    std::memcpy(&result, &x, sizeof(x));
    return result;
  };
  llvm::sort(reals, [&](T a, T b) { return bits(a) < bits(b); });
  reals.erase(std::unique(reals.begin(), reals.end(),
                          [&](T a, T b) { return bits(a) == bits(b); }),
              reals.end());
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

namespace {
struct Modes {
  RoundingMode rounding;
  OverflowMode overflow;
  NaNMode nan;
};

/// One result of the module.
struct Check {
  NumberFormat format;
  std::string label;
  /// What is encoded: f32 or f64; none for decoding.
  std::vector<double> reals;
};

/// A function with one result for each format and mode.
class Module {
public:
  void add(NumberFormat format, size_t turn, bool full);
  /// The time to compile grows faster than the module.
  bool isLarge() const { return checks.size() > 60; }

  std::string getText() const {
    return formatv("func.func @main({0}) -> ({1}) {{\n{2}  return {3} : {1}\n}",
                   llvm::join(arguments, ", "), llvm::join(types, ", "), body,
                   llvm::join(names, ", "));
  }

  std::vector<std::vector<char>> inputs;
  std::vector<Check> checks;

private:
  template <typename T>
  std::string addInput(ArrayRef<T> values, std::string type);
  template <typename T>
  void addEncode(NumberFormat format, ArrayRef<T> reals, StringRef element,
                 ArrayRef<Modes> modes);
  void addDecode(NumberFormat format);
  void addResult(std::string operation, std::string type, Check check);

  std::vector<std::string> arguments, types, names;
  std::string body;
};
} // namespace

static std::string print(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

template <typename T>
std::string Module::addInput(ArrayRef<T> values, std::string type) {
  const char *data = reinterpret_cast<const char *>(values.data());
  inputs.emplace_back(data, data + values.size() * sizeof(T));
  std::string name = formatv("%x{0}", arguments.size());
  arguments.push_back(name + ": " + type);
  return name;
}

void Module::addResult(std::string operation, std::string type, Check check) {
  names.push_back(formatv("%r{0}", names.size()));
  types.push_back(type);
  body += "  " + names.back() + " = " + operation + "\n";
  checks.push_back(std::move(check));
}

template <typename T>
void Module::addEncode(NumberFormat format, ArrayRef<T> reals,
                       StringRef element, ArrayRef<Modes> modes) {
  std::string spelling = print(format);
  std::string plain = formatv("tensor<{0}x{1}>", reals.size(), element);
  std::string encoded = formatv("tensor<{0}x{1}, #qfmt.scaled<{2}>>",
                                reals.size(), element, spelling);
  std::string input = addInput(reals, plain);
  for (const Modes &mode : modes) {
    std::string attributes = formatv("rounding = {0} overflow = {1} nan = {2}",
                                     stringifyRoundingMode(mode.rounding),
                                     stringifyOverflowMode(mode.overflow),
                                     stringifyNaNMode(mode.nan));
    addResult(formatv("qfmt.quantize {0} {1} : {2} to {3}", input, attributes,
                      plain, encoded),
              encoded,
              {format, spelling + " " + element.str() + " " + attributes,
               std::vector<double>(reals.begin(), reals.end())});
  }
}

void Module::addDecode(NumberFormat format) {
  std::vector<uint8_t> bytes;
  unsigned width = format.getFormatWidth();
  for (uint64_t code = 0; code < uint64_t(1) << width; ++code)
    for (unsigned byte = 0; byte < llvm::divideCeil(width, 8); ++byte)
      bytes.push_back(code >> (8 * byte));
  std::string spelling = print(format);
  std::string plain = formatv("tensor<{0}xf32>", uint64_t(1) << width);
  std::string encoded = formatv("tensor<{0}xf32, #qfmt.scaled<{1}>>",
                                uint64_t(1) << width, spelling);
  std::string input = addInput(ArrayRef(bytes), encoded);
  addResult(formatv("qfmt.dequantize {0} : {1} to {2}", input, encoded, plain),
            plain, {format, spelling + " decode", {}});
}

/// All combinations for f32; or, because compiling takes the time, each
/// rounding with saturation and every other one with another overflow mode, in
/// turns from one format to the next, so that formats that share their lowering
/// see all combinations.
static std::vector<Modes> getModes(NumberFormat format, size_t turn,
                                   bool full) {
  std::vector<Modes> modes;
  auto add = [&](unsigned rounding, OverflowMode overflow, unsigned nan) {
    modes.push_back({*symbolizeRoundingMode(rounding), overflow,
                     *symbolizeNaNMode(nan % (getMaxEnumValForNaNMode() + 1))});
  };
  constexpr OverflowMode others[] = {OverflowMode::Infinity, OverflowMode::Zero,
                                     OverflowMode::SaturateSymmetric};
  for (unsigned i = 0; i <= getMaxEnumValForRoundingMode(); ++i) {
    add(i, OverflowMode::Saturate, i + turn);
    if (!full) {
      if ((i + turn) % 2 == 0)
        add(i, others[(i + turn) / 2 % 3], i + turn / 3);
      else if (format.canWrap())
        add(i, OverflowMode::Wrap, turn / 2);
      continue;
    }
    add(i, OverflowMode::Saturate, i + turn + 1);
    for (unsigned nan : {0, 1}) {
      for (OverflowMode overflow : others)
        add(i, overflow, nan);
      if (format.canWrap())
        add(i, OverflowMode::Wrap, nan);
    }
  }
  return modes;
}

/// The same for f64: roundings with saturation.
static std::vector<Modes> getWideModes(NumberFormat format, size_t turn,
                                       bool full) {
  std::vector<Modes> modes;
  for (unsigned i = 0; i <= getMaxEnumValForRoundingMode(); ++i)
    if (full || (i + turn) % 4 == 0)
      modes.push_back(
          {*symbolizeRoundingMode(i), OverflowMode::Saturate, NaNMode::Zero});
  if (format.canWrap())
    modes.push_back(
        {*symbolizeRoundingMode(turn % (getMaxEnumValForRoundingMode() + 1)),
         OverflowMode::Wrap, NaNMode::Zero});
  return modes;
}

void Module::add(NumberFormat format, size_t turn, bool full) {
  unsigned width = format.getFormatWidth();
  bool isBuiltin = isa<FloatType, IntegerType>(static_cast<Type>(format));
  bool allModes = full || (isBuiltin && width <= 8);
  addDecode(format);
  std::vector<float> reals =
      Reals<float>(format, !full && width > 10 && !isBuiltin).get();
  addEncode<float>(format, reals, "f32", getModes(format, turn, allModes));
  std::vector<double> doubles =
      Reals<double>(format, !full && width > 10).get();
  addEncode<double>(format, doubles, "f64",
                    getWideModes(format, turn, allModes));
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

namespace {
struct Totals {
  unsigned functions = 0, failures = 0;
  uint64_t encoded = 0, decoded = 0, mismatches = 0;
};
} // namespace

/// Element `i` of `width` bits, low bytes first.
static uint64_t readBits(const char *data, size_t i, unsigned width) {
  unsigned bytes = llvm::divideCeil(width, 8);
  uint64_t bits = 0;
  std::memcpy(&bits, data + i * bytes, bytes);
  return bits & (~uint64_t(0) >> (64 - width));
}

/// Codes and f32 that are NaNs count as one.
static uint64_t canonicalize(const Check &check, uint64_t bits) {
  if (check.reals.empty()) {
    uint32_t word = bits;
    float value;
    std::memcpy(&value, &word, sizeof(value));
    return std::isnan(value) ? 0x7fc00000 : bits;
  }
  return std::isnan(check.format.decodeCode(bits)) ? ~uint64_t(0) : bits;
}

static void compare(const Check &check, const reference::Tensor &expected,
                    const TensorResult &found, Totals &totals) {
  std::vector<char> bytes = expected.toBytes();
  unsigned width = expected.getElementType().getIntOrFloatBitWidth();
  size_t count = bytes.size() / llvm::divideCeil(width, 8);
  bool decodes = check.reals.empty();
  (decodes ? totals.decoded : totals.encoded) += count;
  ++totals.functions;
  unsigned shown = 0;
  for (size_t i = 0; i < count; ++i) {
    uint64_t a = readBits(static_cast<const char *>(found.data), i, width);
    uint64_t b = readBits(bytes.data(), i, width);
    if (a == b || canonicalize(check, a) == canonicalize(check, b))
      continue;
    ++totals.mismatches;
    if (shown++ < 10)
      llvm::outs() << check.label << ": "
                   << llvm::format("%.17g",
                                   decodes ? double(i) : check.reals[i])
                   << formatv(" becomes {0:x}, not {1:x}\n", a, b);
  }
}

static LogicalResult run(MLIRContext &context, const Module &module,
                         Totals &totals) {
  OwningOpRef<ModuleOp> parsed =
      parseSourceString<ModuleOp>(module.getText(), &context);
  if (!parsed)
    return failure();
  auto function = parsed->lookupSymbol<func::FuncOp>("main");
  SmallVector<ArrayRef<char>> inputs(module.inputs.begin(),
                                     module.inputs.end());
  auto expected = reference::evaluateBuffers(function, inputs);
  CompileOptions options;
  options.lowering = buildCompilePipeline;
  options.optLevel = 1;
  auto compiled = CompiledFunction::compile(*parsed, options);
  if (failed(expected) || failed(compiled))
    return failure();
  SmallVector<TensorView> views;
  for (auto [type, bytes] :
       llvm::zip_equal(function.getArgumentTypes(), module.inputs))
    views.push_back({bytes.data(), cast<ShapedType>(type).getShape()});
  SmallVector<TensorResult> found = (*compiled)->call(views);
  for (auto [check, tensor, result] :
       llvm::zip_equal(module.checks, *expected, found))
    compare(check, tensor, result, totals);
  return success();
}

//===----------------------------------------------------------------------===//
// main
//===----------------------------------------------------------------------===//

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv,
                                    "compares compiled and reference codes\n");
  DialectRegistry registry;
  registerPipelineDialects(registry);
  reference::registerReferenceModels(registry);
  MLIRContext context(registry);
  context.disableMultithreading();
  context.loadAllAvailableDialects();

  FormatList list(context);
  for (const std::string &type : typesOption)
    list.add(type);
  if (typesOption.empty())
    list.addAll(fullOption);
  else if (list.numRefused) {
    llvm::errs() << "not a number format\n";
    return 1;
  }
  // In turns, because wide formats take longest and lie together.
  Totals totals;
  Module module;
  unsigned numFormats = 0;
  for (size_t i = shardOption; i < list.formats.size(); i += shardsOption) {
    ++numFormats;
    module.add(list.formats[i], i, fullOption);
    if (!module.isLarge() && i + shardsOption < list.formats.size())
      continue;
    if (failed(run(context, module, totals)))
      ++totals.failures;
    module = Module();
  }
  llvm::outs() << formatv(
      "{0} formats ({1} spellings refused), {2} functions, {3} reals encoded, "
      "{4} codes decoded, {5} modules failed, {6} differences\n",
      numFormats, list.numRefused, totals.functions, totals.encoded,
      totals.decoded, totals.failures, totals.mismatches);
  return totals.failures || totals.mismatches;
}

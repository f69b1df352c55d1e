// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --list-formats: what each preset stores an element in. Bits an element are
// those of a 4096 x 4096 tensor, scales and tables included, packed; the values
// are those of the codes, before any scale.

#include "ListFormats.h"
#include "mlir/IR/MLIRContext.h"
#include "qfmt/IR/Presets.h"
#include "qfmt/IR/QFmt.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <cmath>
#include <set>

using namespace mlir;
using namespace mlir::qfmt;

static constexpr int64_t kSize = 4096;

namespace {
struct Row {
  const Preset *preset;
  TensorFormat format;
  double bitsPerElement;
  /// The finite values of all codes, ascending; empty if tables of the tensor
  /// itself say what codes denote.
  std::vector<double> levels;
};
} // namespace

/// What rounding can make: codes outside of a format's range do not count.
static std::vector<double> collectLevels(TensorFormat format) {
  std::set<double> levels;
  for (Type type : format.getElementFormats()) {
    auto number = cast<NumberFormat>(type);
    for (uint64_t code = 0; code < uint64_t(1) << number.getFormatWidth();
         ++code) {
      double value = number.decodeCode(code);
      uint64_t rounded = number.encodeReal(
          ExactReal::fromDouble(value), RoundingMode::HalfEven,
          OverflowMode::Saturate, NaNMode::Zero);
      if (std::isfinite(value) && number.decodeCode(rounded) == value)
        levels.insert(value + 0.0); // -0 is 0
    }
  }
  return {levels.begin(), levels.end()};
}

static std::vector<Row> collectRows(MLIRContext *context) {
  std::vector<Row> rows;
  for (const Preset &preset : getPresets()) {
    TensorFormat format = preset.getFormat(context, /*rank=*/2);
    double bits = format.getPackedBits({kSize, kSize});
    rows.push_back(
        {&preset, format, bits / (kSize * kSize), collectLevels(format)});
  }
  return rows;
}

static std::string print(TensorFormat format) {
  std::string text;
  llvm::raw_string_ostream(text) << static_cast<Attribute>(format);
  // Lists of values are for the JSON.
  if (text.size() > 110)
    text = text.substr(0, 107) + "...";
  return text;
}

void mlir::qfmt::listFormats(raw_ostream &os) {
  MLIRContext context;
  context.loadDialect<QFmtDialect>();
  os << "name          bits/element  levels      lowest     largest  summary\n";
  for (const Row &row : collectRows(&context)) {
    os << llvm::format("%-13s %12.4f", row.preset->name.data(),
                       row.bitsPerElement);
    if (row.levels.empty())
      os << "       -           -           -";
    else
      os << llvm::format("  %6zu %11.6g %11.6g", row.levels.size(),
                         row.levels.front(), row.levels.back());
    os << "  " << row.preset->summary << "\n              " << print(row.format)
       << "\n";
  }
  os << "\nbits/element: of a " << kSize << " x " << kSize
     << " tensor, with scales and tables. levels, lowest, largest: of the "
        "codes, "
        "before the scale.\n";
}

void mlir::qfmt::listFormatsAsJson(raw_ostream &os) {
  MLIRContext context;
  context.loadDialect<QFmtDialect>();
  llvm::json::OStream json(os, /*IndentSize=*/1);
  json.array([&] {
    for (const Row &row : collectRows(&context))
      json.object([&] {
        std::string encoding;
        llvm::raw_string_ostream(encoding)
            << static_cast<Attribute>(row.format);
        json.attribute("name", row.preset->name);
        json.attribute("summary", row.preset->summary);
        json.attribute("encoding", encoding);
        json.attribute("scale_rule", stringifyScaleRule(row.preset->scaleRule));
        json.attribute("rounding", stringifyRoundingMode(row.preset->rounding));
        json.attribute("bits_per_element", row.bitsPerElement);
        json.attributeArray("levels", [&] {
          for (double level : row.levels)
            json.value(level);
        });
      });
  });
  os << "\n";
}

//===- qfmt-dump-codes.cpp - Code tables for comparison with others -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Without arguments prints, for every format of at most 8 bits, a line
//   <format> <code> <value>
// per code; values are hexadecimal floats, inf or nan.
//
// With --encode ROUNDING OVERFLOW FORMAT... reads f32 bit patterns in
// hexadecimal from stdin, one a line, and prints for each a line of codes, one
// a format, NaN propagated. ROUNDING: half-even or toward-zero. OVERFLOW:
// saturate, wrap or infinity.
//
//===----------------------------------------------------------------------===//

#include "NumberFormats.h"
#include "llvm/ADT/bit.h"
#include <cinttypes>
#include <cstdio>
#include <cstring>

using namespace mlir::qfmt;
using namespace mlir::qfmt::test;

static int dumpTables() {
  for (const NumberFormat &format : getFormatsUpTo8Bits())
    for (uint64_t code = 0; code < format.getNumCodes(); ++code)
      std::printf("%s %" PRIu64 " %a\n", format.name.c_str(), code,
                  format.decode(code));
  return 0;
}

static int encodeStdin(int argc, char **argv) {
  std::optional<RoundingMode> rounding;
  std::optional<OverflowMode> overflow;
  if (argc > 4) {
    if (!std::strcmp(argv[2], "half-even"))
      rounding = RoundingMode::HalfEven;
    else if (!std::strcmp(argv[2], "toward-zero"))
      rounding = RoundingMode::TowardZero;
    if (!std::strcmp(argv[3], "saturate"))
      overflow = OverflowMode::Saturate;
    else if (!std::strcmp(argv[3], "wrap"))
      overflow = OverflowMode::Wrap;
    else if (!std::strcmp(argv[3], "infinity"))
      overflow = OverflowMode::Infinity;
  }
  if (!rounding || !overflow) {
    std::fprintf(stderr,
                 "usage: %s [--encode half-even|toward-zero "
                 "saturate|wrap|infinity FORMAT...]\n",
                 argv[0]);
    return 1;
  }
  std::vector<NumberFormat> known = getFormatsUpTo8Bits(), formats;
  for (NumberFormat &format : getBuiltinFloats())
    if (format.getWidth() > 8)
      known.push_back(format);
  for (int i = 4; i < argc; ++i) {
    size_t before = formats.size();
    for (const NumberFormat &format : known)
      if (format.name == argv[i])
        formats.push_back(format);
    if (formats.size() != before + 1) {
      std::fprintf(stderr, "unknown format '%s'\n", argv[i]);
      return 1;
    }
  }
  uint32_t bits;
  int scanned;
  while ((scanned = std::scanf("%" SCNx32, &bits)) == 1) {
    ExactReal value = ExactReal::fromDouble(llvm::bit_cast<float>(bits));
    for (const NumberFormat &format : formats)
      std::printf("%" PRIu64 " ", format.encode(value, *rounding, *overflow,
                                                NaNMode::Propagate));
    std::printf("\n");
  }
  if (scanned != EOF) {
    std::fprintf(stderr, "stdin: not a hexadecimal number\n");
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 1)
    return dumpTables();
  if (!std::strcmp(argv[1], "--encode"))
    return encodeStdin(argc, argv);
  std::fprintf(stderr, "unknown argument '%s'\n", argv[1]);
  return 1;
}

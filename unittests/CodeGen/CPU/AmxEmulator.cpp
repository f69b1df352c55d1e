//===- AmxEmulator.cpp - AMX instructions in a signal handler -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encodings and conditions are those of Intel's manual, volume 2, AMX
// instruction reference. What hardware answers with an exception ends the
// program here, with a message.
//
//===----------------------------------------------------------------------===//

#include "AmxEmulator.h"

#if defined(__linux__) && defined(__x86_64__)

#include "qfmt/Runtime/TilePermission.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>

namespace mlir::qfmt {

namespace {

constexpr unsigned kNumTiles = 8, kMaxRows = 16, kMaxBytes = 64;

struct Tile {
  unsigned rows, bytes;
  uint8_t data[kMaxRows][kMaxBytes];
};

struct State {
  bool isConfigured = false;
  Tile tiles[kNumTiles];
  uint64_t numProducts = 0;
};

State state;

[[noreturn]] void fail(const char *what) {
  std::fprintf(stderr, "AMX emulator: %s\n", what);
  std::abort();
}

void require(bool condition, const char *what) {
  if (!condition)
    fail(what);
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// A VEX instruction of the map 0F38 without immediate.
struct Instruction {
  uint8_t opcode;
  /// Mandatory prefix: 0 none, 1 66, 2 F3, 3 F2.
  unsigned prefix;
  /// Registers; `rm` only where there is no address.
  unsigned reg, rm, vvvv;
  bool hasAddress;
  /// Base and displacement, and the index register's value.
  uint64_t address, index;
  uint64_t length;
};

uint64_t getRegister(const ucontext_t &context, unsigned number) {
  static const int places[] = {
      REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return context.uc_mcontext.gregs[places[number]];
}

class Decoder {
public:
  explicit Decoder(const ucontext_t &context)
      : context(context), begin(reinterpret_cast<const uint8_t *>(
                              context.uc_mcontext.gregs[REG_RIP])),
        next(begin) {}

  /// False if it is something else.
  bool decode(Instruction &result) {
    if (*next++ != 0xC4)
      return false;
    uint8_t first = *next++, second = *next++;
    bool isMap0F38 = (first & 31) == 2, isW0L0 = (second & 0x84) == 0;
    if (!isMap0F38 || !isW0L0)
      return false;
    // These bits are inverted.
    unsigned r = first >> 7 ^ 1, x = (first >> 6 & 1) ^ 1,
             b = (first >> 5 & 1) ^ 1;
    result.prefix = second & 3;
    result.vvvv = (second >> 3 & 15) ^ 15;
    result.opcode = *next++;
    uint8_t modrm = *next++;
    unsigned mod = modrm >> 6;
    result.reg = (modrm >> 3 & 7) | r << 3;
    result.rm = (modrm & 7) | b << 3;
    result.hasAddress = mod != 3;
    result.index = 0;
    if (result.hasAddress)
      decodeAddress(mod, modrm & 7, x, b, result);
    result.length = next - begin;
    return true;
  }

private:
  void decodeAddress(unsigned mod, unsigned rm, unsigned x, unsigned b,
                     Instruction &result) {
    bool isRelative = mod == 0 && rm == 5;
    bool hasBase = !isRelative;
    unsigned base = rm | b << 3;
    if (rm == 4) {
      uint8_t sib = *next++;
      unsigned index = (sib >> 3 & 7) | x << 3;
      // A tile's rows are index apart, whatever the scale: it counts.
      if (index != 4)
        result.index = getRegister(context, index) << (sib >> 6);
      base = (sib & 7) | b << 3;
      hasBase = mod != 0 || (sib & 7) != 5;
    }
    int32_t displacement = 0;
    if (mod == 1) {
      displacement = int8_t(*next++);
    } else if (mod == 2 || !hasBase) {
      std::memcpy(&displacement, next, 4);
      next += 4;
    }
    result.address = int64_t(displacement);
    if (isRelative)
      result.address += reinterpret_cast<uint64_t>(next);
    else if (hasBase)
      result.address += getRegister(context, base);
  }

  const ucontext_t &context;
  const uint8_t *begin, *next;
};

//===----------------------------------------------------------------------===//
// Executing
//===----------------------------------------------------------------------===//

Tile &getTile(unsigned number) {
  require(state.isConfigured, "a tile is used without a configuration");
  require(number < kNumTiles, "there are 8 tiles");
  require(state.tiles[number].rows != 0, "a tile without a shape is used");
  return state.tiles[number];
}

/// Palette 1: bytes of a row from byte 16 on, rows from byte 48 on.
void loadConfiguration(const uint8_t *memory) {
  require(memory[0] == 1, "only palette 1 exists");
  require(memory[1] == 0, "a configuration begins with another row");
  for (unsigned i = 0; i < kNumTiles; ++i) {
    Tile &tile = state.tiles[i];
    uint16_t bytes;
    std::memcpy(&bytes, memory + 16 + 2 * i, 2);
    tile.bytes = bytes;
    tile.rows = memory[48 + i];
    require(tile.rows <= kMaxRows && tile.bytes <= kMaxBytes,
            "a tile is larger than 16 rows of 64 bytes");
    require((tile.rows == 0) == (tile.bytes == 0), "half a shape");
    std::memset(tile.data, 0, sizeof(tile.data));
  }
  state.isConfigured = true;
}

/// `4B`: rows are `index` bytes apart. What a load does not fill becomes zero.
void moveTile(const Instruction &instruction) {
  Tile &tile = getTile(instruction.reg);
  bool isStore = instruction.prefix == 2;
  if (!isStore)
    std::memset(tile.data, 0, sizeof(tile.data));
  for (unsigned row = 0; row < tile.rows; ++row) {
    auto *memory = reinterpret_cast<uint8_t *>(instruction.address +
                                               row * instruction.index);
    if (isStore)
      std::memcpy(memory, tile.data[row], tile.bytes);
    else
      std::memcpy(tile.data[row], memory, tile.bytes);
  }
}

/// `5E`: sums of four products of bytes.
void multiplyTiles(const Instruction &instruction) {
  Tile &sums = getTile(instruction.reg);
  const Tile &left = getTile(instruction.rm);
  const Tile &right = getTile(instruction.vvvv);
  require(&sums != &left && &sums != &right && &left != &right,
          "a product needs three tiles");
  require(left.rows == sums.rows && right.bytes == sums.bytes &&
              left.bytes == 4 * right.rows && left.bytes % 4 == 0,
          "the shapes of a product do not fit");
  // Unsigned times unsigned, unsigned times signed, and so on.
  bool isLeftSigned = instruction.prefix >= 2;
  bool isRightSigned = instruction.prefix % 2 == 1;
  auto get = [](uint8_t byte, bool isSigned) {
    return isSigned ? int32_t(int8_t(byte)) : int32_t(byte);
  };
  for (unsigned m = 0; m < sums.rows; ++m)
    for (unsigned n = 0; n < sums.bytes / 4; ++n) {
      uint32_t sum;
      std::memcpy(&sum, sums.data[m] + 4 * n, 4);
      for (unsigned k = 0; k < left.bytes; ++k)
        sum += uint32_t(get(left.data[m][k], isLeftSigned) *
                        get(right.data[k / 4][4 * n + k % 4], isRightSigned));
      std::memcpy(sums.data[m] + 4 * n, &sum, 4);
    }
  ++state.numProducts;
}

/// `49`: configuration, zeros.
bool configure(const Instruction &instruction) {
  if (instruction.prefix == 3 && !instruction.hasAddress) {
    Tile &tile = getTile(instruction.reg);
    std::memset(tile.data, 0, sizeof(tile.data));
    return true;
  }
  if (instruction.prefix != 0 || instruction.reg != 0)
    return false;
  if (instruction.hasAddress)
    loadConfiguration(reinterpret_cast<const uint8_t *>(instruction.address));
  else
    state.isConfigured = false;
  return true;
}

bool execute(const Instruction &instruction) {
  switch (instruction.opcode) {
  case 0x49:
    return configure(instruction);
  case 0x4B:
    if (!instruction.hasAddress || instruction.prefix == 0)
      return false;
    moveTile(instruction);
    return true;
  case 0x5E:
    if (instruction.hasAddress)
      return false;
    multiplyTiles(instruction);
    return true;
  default:
    return false;
  }
}

void handleIllegalInstruction(int signal, siginfo_t *, void *pointer) {
  auto &context = *static_cast<ucontext_t *>(pointer);
  Instruction instruction;
  if (!Decoder(context).decode(instruction) || !execute(instruction)) {
    // Comes again, and ends the program as it would have.
    std::signal(signal, SIG_DFL);
    return;
  }
  context.uc_mcontext.gregs[REG_RIP] += instruction.length;
}

bool hasAmx() {
  auto features = llvm::sys::getHostCPUFeatures();
  return features.lookup("amx-int8") && features.lookup("amx-tile") &&
         requestTilePermission();
}

bool install() {
  struct sigaction action = {};
  action.sa_sigaction = handleIllegalInstruction;
  action.sa_flags = SA_SIGINFO;
  return sigaction(SIGILL, &action, nullptr) == 0;
}

} // namespace

bool isAmxEmulated() {
  static const bool isEmulated = !hasAmx() && install();
  return isEmulated;
}

bool enableAmx() { return isAmxEmulated() || hasAmx(); }

uint64_t getNumEmulatedProducts() { return state.numProducts; }

} // namespace mlir::qfmt

#else

namespace mlir::qfmt {
bool enableAmx() { return false; }
bool isAmxEmulated() { return false; }
uint64_t getNumEmulatedProducts() { return 0; }
} // namespace mlir::qfmt

#endif

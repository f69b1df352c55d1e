//===- BulkCopyTest.cpp - Tensor maps and copies from shared memory -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "SimulatedDevice.h"
#include "gmock/gmock.h"

using namespace mlir::qfmt;
using testing::HasSubstr;

TEST(SimulatorBulkCopy, RefusesTensorMaps) {
  Buffer<uint8_t> a(4096);
  int64_t sizes[] = {16, 64}, strides[] = {64, 1}, box[] = {8, 64};
  auto make = [&](int64_t type, int64_t swizzle) {
    qfmtGpuTensorMap(a.get(), 2, type, sizes, strides, box, swizzle, 0);
    return takeError();
  };
  EXPECT_EQ(make(0, 2), "");
  EXPECT_THAT(make(0, 1), HasSubstr("more than the swizzle"));
  EXPECT_THAT(make(0, 4), HasSubstr("the swizzle is not"));
  EXPECT_THAT(make(13, 0), HasSubstr("data type 13"));
  box[1] = 24;
  EXPECT_THAT(make(0, 2), HasSubstr("not a multiple of 16 bytes"));
  box[1] = 64;
  strides[0] = 72;
  EXPECT_THAT(make(0, 2), HasSubstr("a stride is not"));
  strides[0] = 64;
  box[0] = 257;
  EXPECT_THAT(make(0, 2), HasSubstr("not 1 to 256"));
}

//===----------------------------------------------------------------------===//
// From shared memory
//===----------------------------------------------------------------------===//

/// Threads write a tile, one of them copies it.
static const char *const kStore = R"(
  llvm.mlir.global internal @s() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<512 x i8>
  gpu.func @k(%map: !llvm.ptr) kernel {
    %s = llvm.mlir.addressof @s : !llvm.ptr<3>
    %tx = gpu.thread_id x
    %thread = arith.index_cast %tx : index to i32
    %c0 = arith.constant 0 : i32
    %c1 = arith.constant 1 : i32
    %p = llvm.getelementptr %s[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
    llvm.store %thread, %p : i32, !llvm.ptr<3>
    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
    gpu.barrier // before
    %isFirst = arith.cmpi eq, %thread, %c0 : i32
    scf.if %isFirst {
      nvvm.cp.async.bulk.tensor.global.shared.cta %map, %s, box[%c0, %c1] : !llvm.ptr, !llvm.ptr<3>
      nvvm.cp.async.bulk.commit.group
      nvvm.cp.async.bulk.wait_group 0 {read}
    }
    gpu.barrier // after
    llvm.store %c1, %p : i32, !llvm.ptr<3>
    gpu.return
  })";

TEST(SimulatorBulkCopy, CopiesFromSharedMemory) {
  auto run = [&](const std::string &text, std::vector<int32_t> &result) {
    SimulatedModule module(text);
    Buffer<int32_t> out(std::vector<int32_t>(8 * 12, -1));
    // 8 rows of 12, of which 10 are the tensor; the box has 8 rows of 16.
    int64_t sizes[] = {8, 10}, strides[] = {48, 4}, box[] = {8, 16};
    void *map = qfmtGpuTensorMap(out.get(), 2, 3, sizes, strides, box, 0, 0);
    EXPECT_EQ(takeError(), "");
    std::string error = module.launch({1, 1, 1}, {128, 1, 1}, {map});
    result = out.read();
    return error;
  };
  std::vector<int32_t> result;
  for (int seed : {0, 1}) {
    Seed scope(seed);
    ASSERT_EQ(run(kStore, result), "");
    for (int i = 0; i != 8; ++i)
      for (int j = 0; j != 12; ++j)
        EXPECT_EQ(result[i * 12 + j], i >= 1 && j < 10 ? (i - 1) * 16 + j : -1);
    struct {
      const char *what, *error;
    } mutations[] = {
        {"nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = "
         "#nvvm.shared_space<cta>}",
         "no fence.proxy.async"},
        {"gpu.barrier // before", ""},
        {"gpu.barrier // after", "data race"},
        {"nvvm.cp.async.bulk.wait_group 0 {read}", ""},
        {"nvvm.cp.async.bulk.commit.group", ""}};
    for (auto [what, error] : mutations) {
      std::string found = run(replaced(kStore, what, ""), result);
      EXPECT_NE(found, "") << what;
      EXPECT_THAT(found, HasSubstr(error)) << what;
    }
  }
}

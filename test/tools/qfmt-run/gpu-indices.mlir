// A constant of indices, which say where elements lie, on the device.

// RUN: %npy make %t.x.npy '<f4' 4 1 2 3 4
// RUN: qfmt-run %s --engine=reference --inputs=%t.x.npy --outputs=%t.r.npy
// RUN: qfmt-run %s --gpu=sim --inputs=%t.x.npy --outputs=%t.s.npy
// RUN: cmp %t.r.npy %t.s.npy

// RUN: not qfmt-run %s --gpu=vulkan --emit=kernels -o - 2>&1 | FileCheck %s --check-prefix=VULKAN
// VULKAN: cannot be computed in SPIR-V on a buffer of indices, 'memref<4xindex>'; use integers of 32 or 64 bits

#id = affine_map<(i) -> (i)>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %places = arith.constant dense<[3, 1, 2, 0]> : tensor<4xindex>
  %e = tensor.empty() : tensor<4xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%places : tensor<4xindex>) outs(%e : tensor<4xf32>) {
  ^bb0(%place: index, %o: f32):
    %element = tensor.extract %x[%place] : tensor<4xf32>
    linalg.yield %element : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

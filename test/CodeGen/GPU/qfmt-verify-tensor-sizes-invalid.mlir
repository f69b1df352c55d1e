// RUN: qfmt-opt %s --split-input-file --qfmt-set-gpu-target=runtime=vulkan --qfmt-verify-tensor-sizes --verify-diagnostics
// RUN: qfmt-opt %s --split-input-file --qfmt-set-gpu-target=runtime=cuda --qfmt-verify-tensor-sizes -o /dev/null

// Before anything is lowered.
// RUN: not qfmt-opt %s --split-input-file --qfmt-compile-for-gpu=runtime=vulkan 2>&1 | FileCheck %s
// CHECK: error: 'tensor.empty' has a tensor of type 'tensor<2139095041xi8>'
// CHECK-NOT: failed to legalize

func.func @value(%x: tensor<4xi8>) -> tensor<4xi8> {
  %most = tensor.empty() : tensor<2139095040xi8>
  // expected-error @+1 {{'tensor.empty' has a tensor of type 'tensor<2139095041xi8>'; kernels of the target count elements in 32 bits and take at most 2139095040 of them: divide it into parts, or choose another target}}
  %e = tensor.empty() : tensor<2139095041xi8>
  %r = tensor.insert_slice %x into %e[7] [4] [1] : tensor<4xi8> into tensor<2139095041xi8>
  %s = tensor.extract_slice %r[5] [4] [1] : tensor<2139095041xi8> to tensor<4xi8>
  return %s : tensor<4xi8>
}

// -----

// Not the number of elements in 64 bits, which wraps.
// expected-error @+1 {{'func.func' has a tensor of type 'tensor<4294967296x4294967296xi8>'}}
func.func @argument(%x: tensor<4294967296x4294967296xi8>, %empty: tensor<0x4294967296xi8>) {
  return
}

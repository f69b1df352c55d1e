// RUN: qfmt-opt %s --qfmt-partial-writes-to-loops=refuse --split-input-file --verify-diagnostics

func.func @diagonal(%x: tensor<4xi32>, %y: tensor<4x4xi32>) -> tensor<4x4xi32> {
  // expected-error@+1 {{'linalg.generic' op may leave elements of operand 1, of 'tensor<4x4xi32>', as they are: it writes at affine_map<(d0) -> (d0, d0)>, and no kernel is made that keeps others; write every element, with the old one from `outs` where there is no new one, or place what is new with tensor.insert_slice}}
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i, i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<4xi32>) outs(%y : tensor<4x4xi32>) {
  ^bb0(%a: i32, %b: i32):
    linalg.yield %a : i32
  } -> tensor<4x4xi32>
  return %r : tensor<4x4xi32>
}

// -----

func.func @last(%x: tensor<4x?xi8>, %y: tensor<4xi8>) -> tensor<4xi8> {
  // expected-error@+1 {{'linalg.generic' op may leave elements of operand 1, of 'tensor<4xi8>', as they are: it writes at affine_map<(d0, d1) -> (d0)>}}
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<4x?xi8>) outs(%y : tensor<4xi8>) {
  ^bb0(%a: i8, %b: i8):
    linalg.yield %a : i8
  } -> tensor<4xi8>
  return %r : tensor<4xi8>
}

// RUN: qfmt-opt %s --qfmt-read-only-arguments | FileCheck %s

// CHECK: func.func @public(%{{.*}}: tensor<4xf32> {bufferization.writable = false}, %{{.*}}: i32)
func.func @public(%x: tensor<4xf32>, %n: i32) { return }

// What a function says itself stays.
// CHECK: func.func @scratch(%{{.*}}: tensor<4xf32> {bufferization.writable = true})
func.func @scratch(%x: tensor<4xf32> {bufferization.writable = true}) { return }

// CHECK: func.func private @private(%{{.*}}: tensor<4xf32>)
func.func private @private(%x: tensor<4xf32>) { return }

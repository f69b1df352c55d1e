// RUN: not qfmt-opt %s -qfmt-annotate 2>&1 | FileCheck %s --check-prefix=NODATA
// NODATA: qfmt-annotate: needs the option 'data', an .npz or .npy file

// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.missing.npz 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.missing.npy 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: qfmt-annotate: cannot read '{{.*}}.missing.np{{[yz]}}': No such file or directory

// RUN: %npy make %t.empty.npy "<f4" 0x2 1
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.empty.npy 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: qfmt-annotate: '{{.*}}.empty.npy': argument #0 ('pixels') has no samples

// RUN: %npy make %t.shape.npy "<f4" 2x3 1
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.shape.npy 2>&1 | FileCheck %s --check-prefix=SHAPE
// SHAPE: argument #0 ('pixels') has shape 1x2 a sample, found 1x3

// RUN: %npy make %t.rank.npy "<f4" 2 1
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.rank.npy 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: argument #0 ('pixels') has shape 1x2 a sample, found ()

// RUN: %npy make %t.type.npy "<f8" 2x2 1
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.type.npy 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: argument #0 ('pixels') has elements of type f32, that is f4 in numpy, found f8

// The second sample is named. A NaN in the data, and one that the network makes.
// RUN: %npy make %t.nan.npy "<f4" 2x2 1 1 1 nan
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.nan.npy 2>&1 | FileCheck %s --check-prefix=NAN
// NAN: qfmt-annotate: sample 1 of '{{.*}}.nan.npy' gives a NaN or an infinity at the observer "argument.0"
// RUN: %npy make %t.infinity.npy "<f4" 2x2 1 1 1 -inf
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.infinity.npy 2>&1 | FileCheck %s --check-prefix=INFINITY
// INFINITY: sample 1 of '{{.*}}' gives a NaN or an infinity at the observer "argument.0"
// RUN: %npy make %t.made.npy "<f4" 2x2 1 1 0 1
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.made.npy 2>&1 | FileCheck %s --check-prefix=MADE
// MADE: sample 1 of '{{.*}}' gives a NaN or an infinity at the observer "quotient"

// RUN: %npy make %t.npy "<f4" 2x2 1 2 3 4
// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.npy bins=0" 2>&1 | FileCheck %s --check-prefix=BINS
// BINS: qfmt-annotate: option 'bins' is 1 to 1048576, found 0
// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.npy entry=nowhere" 2>&1 | FileCheck %s --check-prefix=ENTRY
// ENTRY: no function 'nowhere' with a body; the module has main, another
// RUN: not qfmt-opt %s -qfmt-annotate="data=%t.npy entry=another" 2>&1 | FileCheck %s --check-prefix=REACHED
// REACHED: 'qfmt.observe' op is never reached by @another, or its tensor is empty

// Archives: no zip file, cut short, a flipped bit, and a member that is no array.
// RUN: not qfmt-opt %s -qfmt-annotate=data=%s 2>&1 | FileCheck %s --check-prefix=NOZIP
// NOZIP: annotate-invalid.mlir': it is not an .npz file
// RUN: %python -m zipfile -c %t.npz %t.npy
// RUN: %python -c "import sys; d = open(sys.argv[1], 'rb').read(); open(sys.argv[2], 'wb').write(d[:-30])" %t.npz %t.cut.npz
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.cut.npz 2>&1 | FileCheck %s --check-prefix=CUT
// CUT: .cut.npz': it is cut short or damaged
// RUN: %python -c "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').write(sys.argv[2], 'x.npy')" %t.stored.npz %t.npy
// RUN: %python -c "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); i = d.index(b'NUMPY') + 125; d[i] ^= 1; open(sys.argv[2], 'wb').write(d)" %t.stored.npz %t.flipped.npz
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.flipped.npz 2>&1 | FileCheck %s --check-prefix=FLIPPED
// FLIPPED: .flipped.npz': member 'x.npy': it is cut short or damaged
// RUN: %python -m zipfile -c %t.text.npz %s
// RUN: not qfmt-opt %s -qfmt-annotate=data=%t.text.npz 2>&1 | FileCheck %s --check-prefix=TEXT
// TEXT: .text.npz': member 'annotate-invalid.mlir': it is not an .npy file

func.func @main(%x: tensor<1x2xf32> {qfmt.name = "pixels"}) -> tensor<1x2xf32> {
  %o = qfmt.observe %x "argument.0" : tensor<1x2xf32>
  %ones = arith.constant dense<1.0> : tensor<1x2xf32>
  %empty = tensor.empty() : tensor<1x2xf32>
  %y = linalg.div ins(%ones, %o : tensor<1x2xf32>, tensor<1x2xf32>) outs(%empty : tensor<1x2xf32>) -> tensor<1x2xf32>
  %q = qfmt.observe %y "quotient" : tensor<1x2xf32>
  return %q : tensor<1x2xf32>
}
func.func @another(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  return %x : tensor<1x2xf32>
}

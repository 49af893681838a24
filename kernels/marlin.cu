// Marlin GEMM: y[m,n] = x[m,k] * w + bias for many rows, from the bytes that gemv.cu reads.
//
// As in the GEMV, w is operand A of the tensor cores (16 columns of w x 16 rows of k) because a lane's bytes are exactly its
// registers, and x is operand B (8 rows). Codes become q - z, an exact small integer in F16 and BF16: one logic operation
// sets a magic number before two codes, one addition takes it and the zero point away. Sums of a group are F32; its scale
// is applied to them, so no weight is ever rounded.
//
// A block takes a tile of outputs and its slices of K (marlin/tiles.h), 64 rows of k of each at a time: asynchronous copies
// fill a ring of such stages (fetch.h), warps multiply them (multiply.h), sums leave through shared memory (reduce.h). With
// few rows memory decides: four warps of a block have a slice each, and blocks are narrow, so that bytes on their way are
// many and sums few. With many rows the tensor cores decide: a warp takes 64 rows x 32 columns, which decodes a weight
// once for 64 rows and reads x from shared memory once for 32 columns.
//
// The budget, counted in the machine code of 9.0 (BF16, 4 bits, groups of 128 with zero points), unmeasured on hardware.
// Instructions are those of a warp for one k-tile of its share, scales and copies included:
//
//   tile      warp's share  HMMA  instructions  code bytes on their way on an H100 SM (blocks x stages ahead x bytes)
//   16 x 64     16 x 64       8       102        72 KB (3 x 3 x 8 KB); bandwidth times latency is 20 KB
//   16 x 128    16 x 32       4        70        80 KB (4 x 5 x 4 KB)
//   32 x 64     32 x 64      16       120        32 KB (2 x 2 x 8 KB)
//   64 x 128    64 x 32      16        95        32 KB (2 x 4 x 4 KB)
//   128 x 128   64 x 32      16        93        12 KB (1 x 3 x 4 KB)
//
// 16 x 64: at 14.5 bytes a clock and SM the memory brings a tile of 512 bytes every 35 clocks, in which four schedulers
// issue 141 instructions. 128 x 128: at 500 TFLOP/s an HMMA has 7.6 clocks of its scheduler, so 16 of them have 121, in
// which 93 instructions are issued. Sums and totals of 64 x 32 outputs are 128 registers a thread of some 245: there is no
// room for a tile of 256 rows with scales applied to sums.
//
// Shared memory has no bank conflicts: rows of x are swizzled for ldmatrix, codes lie by lane, rows of sums are padded.
//
// Sums have a fixed order: k within a group, groups of a slice, slices of a block, splits of K, the last by the block that
// arrives last, as in the GEMV. It does not depend on the tile's rows and columns.
//
// Compute capability 7.5 copies plainly, a stage ahead, multiplies 8 rows of k at a time and has no BF16.
#include "marlin/block.h"

// One kernel for each tile, width and dtype. Compute capability 7.5 has its own machine and no BF16; the emulation has both
// machines side by side.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define AWQM_MARLIN_BODY(type, tile, bits) awqm::marlin<awqm::Turing, type, awqm::Tile##tile, bits>(args)
#else
#define AWQM_MARLIN_BODY(type, tile, bits) awqm::marlin<awqm::Ampere, type, awqm::Tile##tile, bits>(args)
#endif
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define AWQM_MARLIN_BF16_BODY(tile, bits) __trap()
#else
#define AWQM_MARLIN_BF16_BODY(tile, bits) AWQM_MARLIN_BODY(__nv_bfloat16, tile, bits)
#endif

#define AWQM_MARLIN_KERNEL(name, tile) AWQM_KERNEL(awqm::Tile##tile::kThreads, awqm::Tile##tile::kResident, name, awqm::MarlinArgs)
#define AWQM_MARLIN(suffix, tile, bits)                                                                \
  AWQM_MARLIN_KERNEL(awqm_marlin_f16_w##bits##_##suffix, tile) { AWQM_MARLIN_BODY(__half, tile, bits); } \
  AWQM_MARLIN_KERNEL(awqm_marlin_bf16_w##bits##_##suffix, tile) { AWQM_MARLIN_BF16_BODY(tile, bits); }
#define AWQM_MARLIN_TILE(suffix, tile) AWQM_MARLIN(suffix, tile, 4) AWQM_MARLIN(suffix, tile, 8)

AWQM_MARLIN_TILE(m16n64, 16x64)
AWQM_MARLIN_TILE(m16n128, 16x128)
AWQM_MARLIN_TILE(m32n64, 32x64)
AWQM_MARLIN_TILE(m64n128, 64x128)
AWQM_MARLIN_TILE(m128n128, 128x128)

#if !defined(__CUDACC__)
#define AWQM_MARLIN_ON_TURING(suffix, tile, bits)                               \
  AWQM_MARLIN_KERNEL(awqm_marlin_f16_w##bits##_##suffix##_turing, tile) {        \
    awqm::marlin<awqm::Turing, __half, awqm::Tile##tile, bits>(args);            \
  }
AWQM_MARLIN_ON_TURING(m16n64, 16x64, 4)
AWQM_MARLIN_ON_TURING(m16n128, 16x128, 4)
AWQM_MARLIN_ON_TURING(m32n64, 32x64, 4)
AWQM_MARLIN_ON_TURING(m64n128, 64x128, 4)
AWQM_MARLIN_ON_TURING(m128n128, 128x128, 4)
AWQM_MARLIN_ON_TURING(m16n64, 16x64, 8)
AWQM_MARLIN_ON_TURING(m16n128, 16x128, 8)
AWQM_MARLIN_ON_TURING(m64n128, 64x128, 8)
AWQM_MARLIN_ON_TURING(m128n128, 128x128, 8)

// The table of tiles, for the test that compares it with its twin.
struct MarlinTilesArgs {
  int32_t* numbers;
};
AWQM_KERNEL(1, 1, awqm_marlin_tiles, MarlinTilesArgs) { awqm::write_tiles(args.numbers); }
#endif

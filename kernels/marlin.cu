// Marlin GEMM: y[m,n] = x[m,k] * w + bias for many rows, from the bytes that gemv.cu reads.
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

// The tiles that the GEMM is built for, and the shared memory of each. `src/cuda/marlin_tiles.rs` is the twin of the table.
#pragma once
#include "../common/port.h"

namespace awqm {

constexpr int kStageTiles = 4;  // k-tiles of a stage in each slice: 64 rows, so a row of x has 128 bytes there

// A block takes ROWS x COLUMNS outputs, a warp WARP_ROWS x WARP_COLUMNS of them. K_WARPS slices of K lie side by side in a
// block. RESIDENT blocks shall fit a multiprocessor. The ring has STAGES stages, of codes of 4 and of 8 bits.
template <int ROWS, int COLUMNS, int K_WARPS, int WARP_ROWS, int WARP_COLUMNS, int RESIDENT, int STAGES_4, int STAGES_8> struct Tile {
  static constexpr int kRows = ROWS, kColumns = COLUMNS, kSlices = K_WARPS;
  static constexpr int kWarpRows = WARP_ROWS, kWarpColumns = WARP_COLUMNS;
  static constexpr int kRowWarps = ROWS / WARP_ROWS, kColumnWarps = COLUMNS / WARP_COLUMNS;
  static constexpr int kThreads = 32 * kRowWarps * kColumnWarps * K_WARPS, kResident = RESIDENT;
  static constexpr int kBlocks64 = COLUMNS / 64;  // tiles of columns as they are stored
  static constexpr int kStages4 = STAGES_4, kStages8 = STAGES_8;
  // Weights that no other row of blocks reads again leave L2 first.
  static constexpr bool kWeightsOnce = ROWS <= 32;
  static_assert(WARP_ROWS % 16 == 0 && (WARP_COLUMNS == 32 || WARP_COLUMNS == 64), "a warp's share");
};

using Tile16x64 = Tile<16, 64, 4, 16, 64, 3, 4, 3>;
using Tile16x128 = Tile<16, 128, 1, 16, 32, 4, 6, 4>;
using Tile32x64 = Tile<32, 64, 4, 32, 64, 2, 3, 2>;
using Tile64x128 = Tile<64, 128, 1, 64, 32, 2, 5, 4>;
using Tile128x128 = Tile<128, 128, 1, 64, 32, 1, 4, 3>;

// What a block needs for kStageTiles k-tiles of each of its slices.
template <class Tile, int BITS> struct Stage {
  uint4 x[Tile::kSlices][Tile::kRows][2 * kStageTiles];  // piece i of row r lies at i ^ (r % 8)
  uint4 codes[Tile::kSlices][kStageTiles][Tile::kBlocks64][8 * BITS];
  uint4 scales[Tile::kSlices][kStageTiles][Tile::kBlocks64][8];  // two bytes each; of tiles that end a group
  uint4 zeros[Tile::kSlices][kStageTiles][Tile::kBlocks64][BITS / 2];  // of tiles that begin one
};

// Floats from one row of sums to the next, in the room of the ring: rows 2t, columns g, t < 4, g < 8, meet no bank twice.
template <class Tile> constexpr int kSumStride = Tile::kColumns + 4;

template <class Tile, int BITS> constexpr size_t shared_bytes(int stages) {
  const size_t ring = sizeof(Stage<Tile, BITS>) * stages;
  const size_t sums = sizeof(float) * Tile::kSlices * Tile::kWarpRows * kSumStride<Tile>;
  return ring > sums ? ring : sums;
}

#if !defined(__CUDACC__)
// One tile as its twin has it: twelve numbers.
template <class Tile> void write_tile(int32_t*& to) {
  const size_t numbers[] = {Tile::kRows, Tile::kColumns, Tile::kSlices, Tile::kThreads, Tile::kResident, kStageTiles,
                            Tile::kStages4, Tile::kStages8, shared_bytes<Tile, 4>(Tile::kStages4), shared_bytes<Tile, 8>(Tile::kStages8),
                            shared_bytes<Tile, 4>(2), shared_bytes<Tile, 8>(2)};
  for (size_t number : numbers) *to++ = static_cast<int32_t>(number);
}
inline void write_tiles(int32_t* to) {
  write_tile<Tile16x64>(to);
  write_tile<Tile16x128>(to);
  write_tile<Tile32x64>(to);
  write_tile<Tile64x128>(to);
  write_tile<Tile128x128>(to);
}
#endif

}  // namespace awqm

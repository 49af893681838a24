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

// What a block needs for kStageTiles k-tiles of each of its slices, in bytes from the stage's begin, a multiple of 128.
template <class Tile, int BITS> struct Stage {
  static constexpr int kRow = kStageTiles * 32, kCodeTile = 128 * BITS, kScaleTile = 128, kZeroTile = 8 * BITS;
  static constexpr int kTiles = Tile::kSlices * kStageTiles * Tile::kBlocks64;
  static constexpr int kCodes = Tile::kSlices * Tile::kRows * kRow;
  static constexpr int kScales = kCodes + kTiles * kCodeTile, kZeros = kScales + kTiles * kScaleTile;
  static constexpr int kBytes = kZeros + kTiles * kZeroTile;
  static_assert(kBytes % 128 == 0, "rows of x stay aligned to their length");

  // Piece `piece` (16 bytes) of a row of x: rows of 8 pieces, those of row r at i ^ (r % 8).
  static AWQM_DEVICE int x(int slice, int row, int piece) { return (slice * Tile::kRows + row) * kRow + (piece ^ (row % 8)) * 16; }
  // A tile of codes; of scales, two bytes each, if it ends a group; of zero points if it begins one.
  static AWQM_DEVICE int codes(int slice, int k, int column) { return kCodes + tile(slice, k, column) * kCodeTile; }
  static AWQM_DEVICE int scales(int slice, int k, int column) { return kScales + tile(slice, k, column) * kScaleTile; }
  static AWQM_DEVICE int zeros(int slice, int k, int column) { return kZeros + tile(slice, k, column) * kZeroTile; }
  static AWQM_DEVICE int tile(int slice, int k, int column) { return (slice * kStageTiles + k) * Tile::kBlocks64 + column; }
};

// Floats from one row of sums to the next, in the room of the ring: rows 2t, columns g, t < 4, g < 8, meet no bank twice.
template <class Tile> constexpr int kSumStride = Tile::kColumns + 4;

template <class Tile, int BITS> constexpr size_t shared_bytes(int stages) {
  const size_t ring = static_cast<size_t>(Stage<Tile, BITS>::kBytes) * stages;
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

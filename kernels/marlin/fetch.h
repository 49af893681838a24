// Fills the stages of the ring: each thread's share of the copies.
#pragma once
#include "../common/activations.h"
#include "../common/args.h"
#include "machine.h"

namespace awqm {

// Which outputs and which rows of k a block has.
template <class Tile> struct Share {
  int first_row, first_tile, split;  // row of y, tile of 64 columns, slice of K

  // Slice `i` of the block, [begin, end) in k-tiles.
  AWQM_DEVICE int begin(const MarlinArgs& a, int i) const { return min((split * Tile::kSlices + i) * a.slice_tiles, a.k_tiles); }
  AWQM_DEVICE int end(const MarlinArgs& a, int i) const { return min(begin(a, i) + a.slice_tiles, a.k_tiles); }

  // The last block of an odd number of tiles reads its last tile twice and keeps it once.
  AWQM_DEVICE int column_tile(const MarlinArgs& a, int i) const { return min(first_tile + i, a.n_tiles - 1); }
};

// Scales of two bytes go through the ring; others, and those of one group, are read where they are used.
AWQM_DEVICE bool scales_in_ring(const MarlinArgs& a) { return a.groups > 1 && a.scale_dtype != DTYPE_F32; }

// k-tiles of a group; one group has no end before its slice's.
AWQM_DEVICE int tiles_of_group(const MarlinArgs& a) { return a.groups == 1 ? 1 << 30 : a.group_rows / 16; }

// A thread carries few numbers from stage to stage: what differs between its copies is the same for the whole block.
template <class Machine, class Tile, int BITS> struct Fetch {
  using Slot = Stage<Tile, BITS>;
  static constexpr int kThreads = Tile::kThreads, kSlices = Tile::kSlices, kTileBytes = 128 * BITS;
  // Rows of x: eight pieces of 16 bytes each.
  static constexpr int kRowsAtOnce = kThreads / 8, kRowSteps = kSlices * Tile::kRows / kRowsAtOnce;
  // Codes: a lane's share of a tile in pieces, one for each load of a warp.
  static constexpr int kPiece = BITS == 4 && Tile::kWarpColumns == 32 ? 8 : 16, kPieces = 4 * BITS / kPiece, kUnits = 32 * kPieces;
  static constexpr int kTilesAtOnce = kThreads / kUnits / Tile::kBlocks64, kCodeSteps = kSlices * kStageTiles / kTilesAtOnce;
  // Scales and zero points: some threads for each k-tile of a stage.
  static constexpr int kOfTile = kThreads / (kSlices * kStageTiles);
  static_assert(kRowsAtOnce % 8 == 0 && kStageTiles % kTilesAtOnce == 0, "a thread's copies differ by constants");
  static_assert(kOfTile >= Tile::kBlocks64 * 8 && kOfTile >= Tile::kBlocks64 * BITS / 2, "one copy a thread");

  const MarlinArgs& a;
  const Share<Tile>& share;
  const int thread;
  bool direct;                // rows of x lie as they are needed, 16 bytes at a time
  int next = 0, full;         // stage that is asked for next; stages before the end of K and of the shortest slice
  const uint16_t* x_at;       // this thread's first piece of it, and its first codes
  const char* codes_at;
  int room_of_x, room_of_codes;  // where they go in a stage
  int tile, in_group, group;  // of the k-tile whose scales and zero points this thread copies

  AWQM_DEVICE Fetch(const MarlinArgs& a, const Share<Tile>& share, int thread) : a(a), share(share), thread(thread) {
    const uintptr_t rows_at = reinterpret_cast<uintptr_t>(a.x) | static_cast<uintptr_t>(a.x_stride * 2);
    direct = rows_at % 16 == 0 && (a.groups == 1 || a.group == a.group_rows);
    const int begin = share.begin(a, 0), last = share.begin(a, kSlices - 1);
    full = max(min(share.end(a, kSlices - 1), a.k / 16) - last, 0) / kStageTiles;
    x_at = static_cast<const uint16_t*>(a.x) + (share.first_row + thread / 8) * a.x_stride + begin * 16 + thread % 8 * 8;
    const size_t stored = static_cast<size_t>(begin + k_of_codes()) * a.n_tiles + share.column_tile(a, thread / kUnits % Tile::kBlocks64);
    codes_at = static_cast<const char*>(a.qweight) + stored * kTileBytes + thread % kUnits * kPiece;
    room_of_x = Slot::x(0, thread / 8 % Tile::kRows, thread % 8) + thread / 8 / Tile::kRows * Tile::kRows * Slot::kRow;
    room_of_codes = Slot::codes(0, k_of_codes(), thread / kUnits % Tile::kBlocks64) +
                    (thread % kUnits % kPieces * 32 + thread % kUnits / kPieces) * kPiece;
    tile = share.begin(a, thread / kOfTile / kStageTiles) + thread / kOfTile % kStageTiles;
    const int tiles = tiles_of_group(a);
    group = tile / tiles;
    in_group = tile % tiles;
  }

  // The next stage. Every slice has as many; what lies behind its end is zero in x, so the rest may be anything.
  AWQM_DEVICE void stage(SharedPlace slot) {
    const bool inside = next < full;
    if (!direct) fetch_elements(slot);
    else if (inside) fetch_rows(slot);
    else fetch_last_rows(slot);
    if (inside) fetch_codes<true>(slot);
    else fetch_codes<false>(slot);
    fetch_groups(slot);
    x_at += kStageTiles * 16;
    codes_at += static_cast<int64_t>(a.n_tiles) * (kStageTiles * kTileBytes);
    next++;
  }

  // Step i of this thread: rows of the tile, in a slice.
  static AWQM_DEVICE constexpr int slice_of_step(int i) { return i * kRowsAtOnce / Tile::kRows; }
  static AWQM_DEVICE constexpr int row_of_step(int i) { return i * kRowsAtOnce % Tile::kRows; }
  AWQM_DEVICE const uint16_t* from(int i) const {
    return x_at + row_of_step(i) * a.x_stride + static_cast<int64_t>(slice_of_step(i)) * a.slice_tiles * 16;
  }
  AWQM_DEVICE SharedPlace room(SharedPlace slot, int i) const {
    return slot + room_of_x + (slice_of_step(i) * Tile::kRows + row_of_step(i)) * Slot::kRow;
  }

  AWQM_DEVICE void fetch_rows(SharedPlace slot) {
    const int rows = a.m - share.first_row - thread / 8;
#pragma unroll
    for (int i = 0; i < kRowSteps; i++) Machine::copy_part_16(room(slot, i), from(i), row_of_step(i) < rows ? 16 : 0);
  }

  AWQM_DEVICE void fetch_last_rows(SharedPlace slot) {
    const int done = next * (kStageTiles * 16) + thread % 8 * 8, rows = a.m - share.first_row - thread / 8;
#pragma unroll 1
    for (int i = 0; i < kRowSteps; i++) {
      const int slice = slice_of_step(i);
      const int left = min(share.end(a, slice) * 16, a.k) - share.begin(a, slice) * 16 - done;
      Machine::copy_part_16(room(slot, i), from(i), row_of_step(i) < rows ? min(max(2 * left, 0), 16) : 0);
    }
  }

  AWQM_DEVICE void fetch_elements(SharedPlace slot) {
#pragma unroll 1
    for (int i = 0; i < kRowSteps; i++) {
      const int slice = slice_of_step(i), row = share.first_row + row_of_step(i) + thread / 8;
      const int k = (share.begin(a, slice) + next * kStageTiles) * 16 + thread % 8 * 8;
      const bool inside = row < a.m && k < share.end(a, slice) * 16;
      // One group has its padding at the end, where x has ended.
      const Activations x = {inside ? static_cast<const uint16_t*>(a.x) + row * a.x_stride : nullptr, a.k,
                             a.groups == 1 ? a.group_rows : a.group, a.group_rows};
      uint32_t pairs[4];
#pragma unroll
      for (int j = 0; j < 4; j++) pairs[j] = element_pair(x, k + 2 * j);
      store_shared_128(room(slot, i), make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
    }
  }

  // Which of the k-tiles that are copied at once this thread copies of.
  AWQM_DEVICE int k_of_codes() const { return thread / kUnits / Tile::kBlocks64; }

  // INSIDE: no slice ends in this stage.
  template <bool INSIDE> AWQM_DEVICE void fetch_codes(SharedPlace slot) {
    const int done = next * kStageTiles + k_of_codes();
    const SharedPlace to = slot + room_of_codes;
#pragma unroll
    for (int i = 0; i < kCodeSteps; i++) {
      const int slice = i * kTilesAtOnce / kStageTiles, k = i * kTilesAtOnce % kStageTiles;
      if (!INSIDE && done + k >= share.end(a, slice) - share.begin(a, slice)) continue;
      const char* from = codes_at + (static_cast<int64_t>(slice) * a.slice_tiles + k) * a.n_tiles * kTileBytes;
      const SharedPlace room = to + i * kTilesAtOnce * Tile::kBlocks64 * kTileBytes;
      if (kPiece == 8) Machine::copy_8(room, from);
      else if (Tile::kWeightsOnce) Machine::copy_once_16(room, from);
      else Machine::copy_16(room, from);
    }
  }

  AWQM_DEVICE void fetch_groups(SharedPlace slot) {
    const int of_tile = thread % kOfTile, k = thread / kOfTile, slice = k / kStageTiles, tiles = tiles_of_group(a);
    const int end = share.end(a, slice);
    if (tile < end) {
      if (scales_in_ring(a) && of_tile < Tile::kBlocks64 * 8 && (in_group + 1 == tiles || tile + 1 == end)) {
        Machine::copy_16(slot + Slot::scales(slice, k % kStageTiles, of_tile / 8) + of_tile % 8 * 16,
                         static_cast<const uint4*>(a.scales) + stored_block(of_tile / 8) * 8 + of_tile % 8);
      }
      constexpr int kWords = BITS / 2;  // of 16 bytes
      if (a.qzeros && of_tile < Tile::kBlocks64 * kWords && (in_group == 0 || tile == share.begin(a, slice))) {
        Machine::copy_16(slot + Slot::zeros(slice, k % kStageTiles, of_tile / kWords) + of_tile % kWords * 16,
                         static_cast<const uint4*>(a.qzeros) + stored_block(of_tile / kWords) * kWords + of_tile % kWords);
      }
    }
    tile += kStageTiles;
    in_group += kStageTiles;
    while (in_group >= tiles) {
      in_group -= tiles;
      group++;
    }
  }

  // 64 columns of the group, counted through the layer.
  AWQM_DEVICE size_t stored_block(int column) const {
    return static_cast<size_t>(group) * a.n_tiles + share.column_tile(a, column);
  }
};

}  // namespace awqm

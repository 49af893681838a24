// A block from end to end: its share, the ring, the products, the sums.
#pragma once
#include "../common/splits.h"
#include "fetch.h"
#include "reduce.h"

namespace awqm {

// Blocks that run at the same time shall share rows of x and columns of w in L2, so they go through bands of this many blocks
// of rows, column by column.
constexpr int kBand = 8;

template <class Tile> AWQM_DEVICE Share<Tile> share_of(int& block) {
  const int columns = gridDim.x, id = blockIdx.z * columns + blockIdx.x, band = id / (kBand * columns);
  const int in_band = id % (kBand * columns), rows = min(kBand, static_cast<int>(gridDim.z) - band * kBand);
  const int row = band * kBand + in_band % rows, column = in_band / rows;
  block = row * columns + column;
  return {row * Tile::kRows, column * Tile::kBlocks64, static_cast<int>(blockIdx.y)};
}

// All slices of the block, stage by stage; the first stages of the ring are only asked for.
template <class Machine, class T, class Tile, int BITS>
AWQM_DEVICE void multiply_slices(const MarlinArgs& a, const Share<Tile>& share, SharedPlace ring, Multiply<Machine, T, Tile, BITS>& warp) {
  constexpr int kAhead = Machine::template kStages<Tile, BITS> - 1;
  const int stages = (share.end(a, 0) - share.begin(a, 0) + kStageTiles - 1) / kStageTiles;  // the first slice is the longest
  Fetch<Machine, Tile, BITS> fetch(a, share, threadIdx.x);
  // A warp whose rows all lie behind the last has nothing to multiply.
  const bool idle = share.first_row + warp.row_warp * Tile::kWarpRows >= a.m;
  // Whether groups begin and end only with stages.
  const bool whole = tiles_of_group(a) % kStageTiles == 0 && (a.slice_tiles % kStageTiles == 0 || a.groups == 1);
  constexpr int kBytes = Stage<Tile, BITS>::kBytes, kEnd = kBytes * (kAhead + 1);
  int free = 0, ready = 0;  // places in the ring
#pragma unroll 1
  for (int s = -kAhead; s < stages; s++) {
    if (s >= 0) Machine::template arrive<kAhead - 1>();  // this stage is there, and every warp is done with the one before
    if (fetch.next < stages) fetch.stage(ring + free);
    Machine::commit();
    free = free + kBytes == kEnd ? 0 : free + kBytes;
    if (s < 0) continue;
    if (!idle) {
      if (whole) warp.whole_stage(ring + ready, s == 0);
      else warp.mixed_stage(ring + ready, s == 0);
    }
    ready = ready + kBytes == kEnd ? 0 : ready + kBytes;
  }
  Machine::template arrive<0>();  // the ring is free
}

template <class Machine, class T, class Tile, int BITS> AWQM_DEVICE void marlin(const MarlinArgs& a) {
  AWQM_DYNAMIC_SHARED(shared);
  int block;
  const Share<Tile> share = share_of<Tile>(block);
  const int thread = threadIdx.x;
  Multiply<Machine, T, Tile, BITS> warp(a, share, thread);
  const SharedPlace ring = shared_place(shared);
  multiply_slices<Machine, T, Tile, BITS>(a, share, ring, warp);

  const Result<Tile> result(a, share, thread);
  float* partials = a.partials + static_cast<size_t>(block) * a.splits * (Tile::kRows * Tile::kColumns);
  float* partial = a.splits == 1 ? nullptr : partials + static_cast<size_t>(share.split) * (Tile::kRows * Tile::kColumns);
#pragma unroll 1
  for (int pass = 0; pass < Tile::kRowWarps; pass++) {
    if (warp.row_warp == pass) result.put(warp, ring);
    sync_threads();
    result.leave(ring, pass * Tile::kWarpRows, partial);
    if (pass + 1 < Tile::kRowWarps) sync_threads();
  }
  if (a.splits == 1) return;

  if (!arrives_last(a.counters + block, a.splits)) return;
  result.add_splits(partials);
  if (thread == 0) store_relaxed(a.counters + block, 0);
}

}  // namespace awqm


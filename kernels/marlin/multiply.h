// A warp's products: codes to operands in registers, sums of a group, and their fold into the result.
#pragma once
#include "../common/decode.h"
#include "../common/group.h"
#include "fetch.h"

namespace awqm {

template <class Machine, class T, class Tile, int BITS> struct Multiply {
  using Slot = Stage<Tile, BITS>;
  using Decode = Decoder<T, BITS>;
  static constexpr int kPairs = Tile::kWarpRows / 16;      // sixteens of rows of x, one ldmatrix each
  static constexpr int kFragments = Tile::kWarpColumns / 16;  // operands of w
  static constexpr int kWords = kFragments * BITS / 4;     // of codes, of a lane and a k-tile
  static constexpr int kOf64 = 64 / Tile::kWarpColumns;    // warps that share 64 columns

  // What one k-tile is multiplied from.
  struct Operands {
    uint32_t x[kPairs][2][2];  // rows 0-7, 8-15; k 0-7, 8-15
    uint32_t codes[kWords];
  };

  const MarlinArgs& a;
  const Share<Tile>& share;
  int lane, slice, row_warp, column_warp;
  int room_of_x, room_of_codes;                     // this lane's in a stage, of the first k-tile
  int tile, end, in_group, group;                   // of the k-tile that is multiplied next
  typename Decode::Offset offsets[kFragments][2];   // of columns l/4 and l/4 + 8 of each sixteen
  float sum[kFragments][2 * kPairs][4];             // of the group so far: [columns / 16][rows / 8], as mma has them
  float total[kFragments][2 * kPairs][4];

  AWQM_DEVICE Multiply(const MarlinArgs& a, const Share<Tile>& share, int thread) : a(a), share(share), lane(thread % 32) {
    const int warp = thread / 32;
    column_warp = warp % Tile::kColumnWarps;
    row_warp = warp / Tile::kColumnWarps % Tile::kRowWarps;
    slice = warp / (Tile::kColumnWarps * Tile::kRowWarps);
    // Lanes 0-7 name rows 0-7 of k 0-7, the next eight those of k 8-15, then the same of rows 8-15.
    room_of_x = Slot::x(slice, row_warp * Tile::kWarpRows + lane / 16 * 8 + lane % 8, lane / 8 % 2);
    room_of_codes = Slot::codes(slice, 0, block64()) + part() * (kWords * 128) + lane * (kWords == 2 ? 8 : 16);
    tile = share.begin(a, slice);
    end = share.end(a, slice);
    group = tile / tiles_of_group(a);
    in_group = tile % tiles_of_group(a);
#pragma unroll
    for (int j = 0; j < kFragments; j++) {
      offsets[j][0] = offsets[j][1] = Decode::offset(1 << (BITS - 1));
#pragma unroll
      for (int r = 0; r < 2 * kPairs; r++) {
#pragma unroll
        for (int i = 0; i < 4; i++) total[j][r][i] = 0;
      }
    }
  }

  // The warp's 64 columns in a stage, and its part of them.
  AWQM_DEVICE int block64() const { return column_warp / kOf64; }
  AWQM_DEVICE int part() const { return column_warp % kOf64; }

  AWQM_DEVICE void load(SharedPlace slot, int k, Operands& o) const {
    const SharedPlace row = (slot + room_of_x) ^ (k * 32);
#pragma unroll
    for (int p = 0; p < kPairs; p++) {
      uint32_t x[4];  // both halves of k of eight rows, then of the next: registers side by side are an operand
      ldmatrix_x4(x, row + p * 16 * Slot::kRow);
#pragma unroll
      for (int i = 0; i < 4; i++) o.x[p][i / 2][i % 2] = x[i];
    }

    const SharedPlace codes = slot + room_of_codes + k * Tile::kBlocks64 * Slot::kCodeTile;
    if (kWords == 2) {
      const uint2 v = load_shared_64(codes);
      o.codes[0] = v.x;
      o.codes[1] = v.y;
    } else {
#pragma unroll
      for (int i = 0; i < kWords / 4; i++) {
        const uint4 v = load_shared_128(codes + i * 512);
        o.codes[4 * i] = v.x;
        o.codes[4 * i + 1] = v.y;
        o.codes[4 * i + 2] = v.z;
        o.codes[4 * i + 3] = v.w;
      }
    }
  }

  // Each decoded operand meets all rows, so the next one is decoded beside these products. FRESH: the first of a group.
  template <bool FRESH> AWQM_DEVICE void products(const Operands& o) {
#pragma unroll
    for (int j = 0; j < kFragments; j++) {
      uint32_t w[4];
      Decode::fragment(&o.codes[j * BITS / 4], offsets[j][0], offsets[j][1], w);
#pragma unroll
      for (int p = 0; p < kPairs; p++) {
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float(&c)[4] = sum[j][2 * p + r];
          if (FRESH) c[0] = c[1] = c[2] = c[3] = 0;
          Machine::template mma<T>(c, w, o.x[p][r]);
        }
      }
    }
  }

  // A group begins, or the slice does.
  AWQM_DEVICE void begin_group(SharedPlace slot, int k) {
    if (!a.qzeros) return;
    const SharedPlace zeros = slot + Slot::zeros(slice, k, block64()) + lane / 4 * BITS;
    GroupWords<BITS> words;
    if (BITS == 4) {
      words.zeros[0] = load_shared_32(zeros) >> (8 * part());
    } else {
#pragma unroll
      for (int i = 0; i < kFragments / 2; i++) words.zeros[i] = load_shared_32(zeros + (part() + i) * 4);
    }
#pragma unroll
    for (int p = 0; p < 2 * kFragments; p++) offsets[p / 2][p % 2] = Decode::offset(zero_of(words, p));
  }

  // A group ends, or the slice does: scale its sums.
  AWQM_DEVICE void end_group(SharedPlace slot, int k) {
    float scales[2 * kFragments];
    if (scales_in_ring(a)) {
      const SharedPlace at = slot + Slot::scales(slice, k, block64()) + lane / 4 * 16;
      uint32_t pairs[kFragments];
      if (kFragments == 2) {
        const uint2 v = load_shared_64(at + part() * 8);
        pairs[0] = v.x;
        pairs[1] = v.y;
      } else {
        const uint4 v = load_shared_128(at);
        pairs[0] = v.x;
        pairs[1] = v.y;
        pairs[kFragments - 2] = v.z;
        pairs[kFragments - 1] = v.w;
      }
#pragma unroll
      for (int p = 0; p < 2 * kFragments; p++) scales[p] = half_to_float(static_cast<uint16_t>(pairs[p / 2] >> (16 * (p % 2))), a.scale_dtype);
    } else {
      const size_t block = static_cast<size_t>(group) * a.n_tiles + share.column_tile(a, block64());
#pragma unroll
      for (int i = 0; i < 2 * kFragments; i++) {
        const int p = part() * 2 * kFragments + i;
        const int at = a.groups == 1 ? single_place(lane, p) : lane / 4 * 8 + p;
        scales[i] = load_float(a.scales, block * 64 + at, a.scale_dtype);
      }
    }
#pragma unroll
    for (int j = 0; j < kFragments; j++) {
#pragma unroll
      for (int r = 0; r < 2 * kPairs; r++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          total[j][r][i] = fmaf(scales[2 * j + i / 2], sum[j][r][i], total[j][r][i]);
        }
      }
    }
  }

  // A stage in which groups begin and end only with the stage, but for the end of the slice.
  AWQM_DEVICE void whole_stage(SharedPlace slot, bool first) {
    if (tile >= end) return;
    const bool fresh = in_group == 0 || first;
    if (fresh) begin_group(slot, 0);
    Operands o[2];
    load(slot, 0, o[0]);
    load(slot, 1, o[1]);
    if (fresh) products<true>(o[0]);
    else products<false>(o[0]);
#pragma unroll
    for (int k = 1; k < kStageTiles; k++) {
      if (k + 1 < kStageTiles) load(slot, k + 1, o[(k + 1) % 2]);
      products<false>(o[k % 2]);
    }
    in_group += kStageTiles;
    const bool complete = in_group >= tiles_of_group(a);
    if (complete || tile + kStageTiles >= end) end_group(slot, min(end - tile, kStageTiles) - 1);
    if (complete) {
      in_group = 0;
      group++;
    }
    tile += kStageTiles;
  }

  // A stage in which they may begin and end with any k-tile.
  AWQM_DEVICE void mixed_stage(SharedPlace slot, bool first) {
#pragma unroll 1
    for (int k = 0; k < kStageTiles && tile < end; k++, tile++) {
      const bool fresh = in_group == 0 || (first && k == 0);
      if (fresh) begin_group(slot, k);
      Operands o;
      load(slot, k, o);
      if (fresh) products<true>(o);
      else products<false>(o);
      in_group++;
      const bool complete = in_group == tiles_of_group(a);
      if (complete || tile + 1 == end) end_group(slot, k);
      if (complete) {
        in_group = 0;
        group++;
      }
    }
  }
};

}  // namespace awqm

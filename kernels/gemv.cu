// GEMV: y[m,n] = x[m,k] * w + bias for few rows, from Marlin's bytes.
//
// Memory decides. A block takes 64 (or 128) columns; its four warps take slices of K, one after the other. Each warp has
// its own ring of stages in shared memory that asynchronous copies fill seven of eight stages ahead, 3.5 KB, so the four blocks that fit an SM of
// an H100 by their registers have 56 KB on their way: bandwidth times latency is 3.35 TB/s x 800 ns / 132 SMs = 20 KB.
// Tensor cores do the products because decoding leaves no time for anything else: w is operand A (16 columns of w x 16
// rows of k), up to eight rows of x are operand B, so one row costs as much as eight.
//
// Scales are applied to sums, not to weights: sum over a group of (q - mid) x, minus (z - mid) times the sum of x, which
// a product with ones gives, times the scale. All of it in F32.
//
// Sums have a fixed order: tiles within a warp, warps within a block, blocks of a column (splits of K) by their number.
// With several splits each block leaves its sums in `partials`; the last to arrive adds them all, in order. Nobody
// waits for anybody, so blocks need not run at the same time.
#include "common/activations.h"
#include "common/args.h"
#include "common/decode.h"
#include "common/group.h"
#include "common/port.h"
#include "common/splits.h"

namespace awqm {

constexpr int kWarps = 4, kThreads = kWarps * 32, kRows = 8;
// Values of a tile's result that a lane holds: columns l/4 + 8p, rows 2(l%4) + {0, 1} of x; value 2p + row.
constexpr int kValues = 16, kTileValues = 32 * kValues;

// What a warp needs for one k-tile of NT tiles of columns.
template <int BITS, int NT> struct Stage {
  uint4 codes[NT][BITS / 4][32];        // by lane
  uint32_t x[2][32];                    // operand B, by lane
  uint4 scales[NT][16];                 // 64 scales of the group, if the tile is its last
  uint4 zeros[NT][BITS / 2];            // 64 zero points
};

// Stages of a warp.
template <int BITS, int NT> AWQM_DEVICE constexpr int depth() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  return 2 * NT;  // copies are not asynchronous: more blocks fit instead
#else
  return BITS * NT == 4 ? 8 : 4;
#endif
}

// The slice [begin, end) of k-tiles of the columns from `first_tile` on, by one warp. The loop has some 105 instructions
// a tile (sm_90, counted); at 14.5 bytes a clock and SM (H100) there is time for 140, so what can be carried along is not
// computed.
template <class T, int BITS, int NT> struct Slice {
  static constexpr int kDepth = depth<BITS, NT>(), kMid = 1 << (BITS - 1);
  using Ring = Stage<BITS, NT>;

  const GemvArgs& a;
  const Activations& x;
  Ring* ring;
  int first_tile, begin, end, lane;

  // The next tile to be asked for.
  const char* codes[NT];
  int64_t codes_step;
  const uint16_t* x_at;
  int k_left;                           // elements of x from this lane's first on
  int tile, stage, group, group_end;
  float sum[NT][4][4], x_sum[4];        // of the group so far: columns 16j + l/4 (+ 8), rows 2(l%4) + {0, 1}
  float total[NT][kValues];

  AWQM_DEVICE Slice(const GemvArgs& a, const Activations& x, Ring* ring, int first_tile, int begin, int end, int lane)
      : a(a), x(x), ring(ring), first_tile(first_tile), begin(begin), end(end), lane(lane) {}

  // The last block of an odd number of tiles reads its last tile twice and keeps it once.
  AWQM_DEVICE int column_tile(int j) const { return min(first_tile + j, a.n_tiles - 1); }

  // Asks for the next tile; one group of copies, empty behind the end.
  template <bool PAIRS> AWQM_DEVICE void fetch() {
    if (tile < end) {
      Ring& s = ring[stage];
      stage = stage + 1 == kDepth ? 0 : stage + 1;
#pragma unroll
      for (int j = 0; j < NT; j++) {
#pragma unroll
        for (int i = 0; i < BITS / 4; i++) copy_async_weights_16(&s.codes[j][i][lane], codes[j] + 16 * i);
        codes[j] += codes_step;
      }
      if (PAIRS) {
        copy_async_4(&s.x[0][lane], x_at, k_left > 0);
        copy_async_4(&s.x[1][lane], x_at + 8, k_left > 8);
        x_at += 16;
        k_left -= 16;
      } else {
        const int row = tile * 16 + lane % 4 * 2;
        s.x[0][lane] = element_pair(x, row);
        s.x[1][lane] = element_pair(x, row + 8);
      }
      tile++;
      if (tile == group_end || tile == end) {
        fetch_scales(s);
        group++;
        group_end += a.group_rows / 16;
      }
    }
    copy_async_commit();
  }

  AWQM_DEVICE void fetch_scales(Ring& s) {
    const int chunks = a.scale_dtype == DTYPE_F32 ? 16 : 8;
#pragma unroll
    for (int j = 0; j < NT; j++) {
      const size_t block = static_cast<size_t>(group) * a.n_tiles + column_tile(j);
      if (lane < chunks) copy_async_16(&s.scales[j][lane], static_cast<const uint4*>(a.scales) + block * chunks + lane);
      if (a.qzeros && lane < BITS / 2) {
        copy_async_16(&s.zeros[j][lane], static_cast<const uint4*>(a.qzeros) + block * (BITS / 2) + lane);
      }
    }
  }

  AWQM_DEVICE void multiply(const Ring& s) {
    const uint32_t b[2] = {s.x[0][lane], s.x[1][lane]};
    if (a.qzeros) {
      constexpr uint32_t kOnes = Decoder<T, BITS>::kOnes;
      const uint32_t ones[4] = {kOnes, kOnes, kOnes, kOnes};
      mma_m16n8k16<T>(x_sum, ones, b);
    }
#pragma unroll
    for (int j = 0; j < NT; j++) {
      TileWords<BITS> words;
#pragma unroll
      for (int i = 0; i < BITS / 4; i++) put_words(words, i, s.codes[j][i][lane]);
#pragma unroll
      for (int i = 0; i < 4; i++) {
        uint32_t w[4];
        centered_fragment<T, BITS>(words, i, w);
        mma_m16n8k16<T>(sum[j][i], w, b);
      }
    }
  }

  // A group is complete, or the slice is: scale its sums.
  AWQM_DEVICE void fold(const Ring& s) {
    if (a.scale_dtype == DTYPE_F16 && a.groups > 1) fold_as<DTYPE_F16, false>(s);
    else if (a.scale_dtype == DTYPE_BF16 && a.groups > 1) fold_as<DTYPE_BF16, false>(s);
    else fold_as<-1, true>(s);
  }

  // DTYPE -1: any, looked at for each scale.
  template <int DTYPE, bool ANY> AWQM_DEVICE void fold_as(const Ring& s) {
    const int dtype = ANY ? a.scale_dtype : DTYPE;
#pragma unroll
    for (int j = 0; j < NT; j++) {
      const GroupWords<BITS> words = ANY ? group_words<BITS>(s.scales[j], s.zeros[j], dtype, a.groups == 1, lane)
                                         : group_words_2<BITS>(s.scales[j], s.zeros[j], lane);
#pragma unroll
      for (int p = 0; p < 8; p++) {
        const float scale = scale_of(words, dtype, p);
        const float below = a.qzeros ? static_cast<float>(kMid - zero_of(words, p)) : 0.0f;
#pragma unroll
        for (int row = 0; row < 2; row++) {
          float& v = sum[j][p / 2][p % 2 * 2 + row];
          total[j][2 * p + row] = fmaf(scale, fmaf(below, x_sum[row], v), total[j][2 * p + row]);
          v = 0;
        }
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) x_sum[i] = 0;
  }

  template <bool PAIRS> AWQM_DEVICE void run() {
#pragma unroll
    for (int j = 0; j < NT; j++) {
#pragma unroll
      for (int i = 0; i < kValues; i++) total[j][i] = sum[j][i / 4][i % 4] = 0;
      codes[j] = static_cast<const char*>(a.qweight) +
                 ((static_cast<size_t>(begin) * a.n_tiles + column_tile(j)) * 32 + lane) * (BITS * 4);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) x_sum[i] = 0;
    codes_step = static_cast<int64_t>(a.n_tiles) * 32 * BITS * 4;
    const int group_tiles = a.group_rows / 16, first = begin * 16 + lane % 4 * 2;
    x_at = x.row + first;
    k_left = x.row ? a.k - first : 0;
    tile = begin;
    stage = 0;
    group = begin / group_tiles;
    int fold_at = group_end = (group + 1) * group_tiles;

    for (int d = 0; d < kDepth - 1; d++) fetch<PAIRS>();
    int ready = 0;
    for (int t = begin + 1; t <= end; t++) {  // t: behind the tile that is multiplied
      copy_async_wait<kDepth - 2>();
      sync_warp();  // every lane's copies are there, and every lane is done with the stage before
      fetch<PAIRS>();
      const Ring& s = ring[ready];
      ready = ready + 1 == kDepth ? 0 : ready + 1;
      multiply(s);
      if (t == fold_at || t == end) {
        fold(s);
        fold_at += group_tiles;
      }
    }
    copy_async_wait<0>();
  }
};

AWQM_DEVICE void store(void* y, int64_t i, int dtype, float v) {
  if (dtype == DTYPE_F32) store_32(static_cast<float*>(y) + i, bit_cast<uint32_t>(v));
  else store_16(static_cast<uint16_t*>(y) + i, float_to_half(v, dtype));
}

// Value `e` of the NT tiles of columns from `first_tile` on, rows from `first_row` on: where it goes, with its bias.
AWQM_DEVICE void finish(const GemvArgs& a, int first_tile, int first_row, int e, float v) {
  const int value = e / 32 % kValues, lane = e % 32;
  const int n = (first_tile + e / kTileValues) * 64 + value / 2 * 8 + lane / 4;
  const int m = first_row + lane % 4 * 2 + value % 2;
  if (n >= a.n || m >= a.m) return;
  if (a.bias) v += load_float(a.bias, n, a.bias_dtype);
  store(a.y, m * a.y_stride + n, a.y_dtype, v);
}

template <class T, int BITS, int NT> AWQM_DEVICE void gemv(const GemvArgs& a) {
  constexpr int kDepth = depth<BITS, NT>();
  using Ring = Stage<BITS, NT>;
  AWQM_SHARED(Ring, stages, kWarps * kDepth);
  static_assert(sizeof(Ring) * kDepth >= NT * kTileValues * sizeof(float), "the sums take the room of the stages");
  const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
  const int first_tile = blockIdx.x * NT, split = blockIdx.y, first_row = blockIdx.z * kRows;
  const int row = first_row + lane / 4;
  const uintptr_t rows_at = reinterpret_cast<uintptr_t>(a.x) | static_cast<uintptr_t>(a.x_stride * 2);

  // One group has its padding at the end, where x has ended.
  const Activations x = {row < a.m ? static_cast<const uint16_t*>(a.x) + row * a.x_stride : nullptr, a.k,
                         a.groups == 1 ? a.group_rows : a.group, a.group_rows};
  const int begin = min((split * kWarps + warp) * a.slice_tiles, a.k_tiles);
  const int end = min(begin + a.slice_tiles, a.k_tiles);
  Slice<T, BITS, NT> slice(a, x, stages + warp * kDepth, first_tile, begin, end, lane);
  if (rows_at % 4 == 0 && a.k % 2 == 0 && x.group == x.group_rows) slice.template run<true>();
  else slice.template run<false>();

  sync_threads();
  float* sums = reinterpret_cast<float*>(stages);
#pragma unroll
  for (int j = 0; j < NT; j++) {
#pragma unroll
    for (int i = 0; i < kValues; i++) sums[(warp * NT + j) * kTileValues + i * 32 + lane] = slice.total[j][i];
  }
  sync_threads();

  // The row of x of a thread's values is always the same; most threads have none when x has few rows.
  const int values = first_row + lane % 4 * 2 + warp % 2 < a.m ? NT * kTileValues : 0;
  const size_t block = static_cast<size_t>(blockIdx.z) * gridDim.x + blockIdx.x;
  float* mine = a.partials + (block * a.splits + split) * NT * kTileValues;
  for (int e = thread; e < values; e += kThreads) {
    float v = 0;
#pragma unroll
    for (int w = 0; w < kWarps; w++) v += sums[w * NT * kTileValues + e];
    if (a.splits == 1) finish(a, first_tile, first_row, e, v);
    else store_partial(mine + e, v);
  }
  if (a.splits == 1) return;

  if (!arrives_last(a.counters + block, a.splits)) return;
  const float* all = a.partials + block * a.splits * NT * kTileValues;
  for (int e = thread; e < values; e += kThreads) {
    float v = 0;
    for (int s = 0; s < a.splits; s++) v += load_partial(all + static_cast<size_t>(s) * NT * kTileValues + e);
    finish(a, first_tile, first_row, e, v);
  }
  if (thread == 0) store_relaxed(a.counters + block, 0);
}

}  // namespace awqm

#define AWQM_GEMV(name, type, bits, tiles)                                      \
  AWQM_KERNEL(128, 5 - tiles, awqm_gemv_##name##_w##bits##_n##tiles, awqm::GemvArgs) {  \
    awqm::gemv<type, bits, tiles>(args);                                        \
  }

AWQM_GEMV(f16, __half, 4, 1)
AWQM_GEMV(f16, __half, 4, 2)
AWQM_GEMV(f16, __half, 8, 1)
AWQM_GEMV(f16, __half, 8, 2)
AWQM_GEMV(bf16, __nv_bfloat16, 4, 1)
AWQM_GEMV(bf16, __nv_bfloat16, 4, 2)
AWQM_GEMV(bf16, __nv_bfloat16, 8, 1)
AWQM_GEMV(bf16, __nv_bfloat16, 8, 2)

// A kernel for tests of the emulation itself: a pipeline of asynchronous copies, swizzled shared memory, ldmatrix, tensor
// cores, sums over the warps of a block and over blocks. It stands here whole and with one bug planted at a time.
//
// y[16, 64] = x[16, k] * w[k, 64], with x and w in f16 and f32 sums. Blocks of 4 warps; warp i owns rows 16i to 16i+15 of
// each tile of 64 rows of k; blocks along x are slices of k, and the last to arrive adds them up.
#include "../../common/port.h"

using namespace awqm;

struct PlantedArgs {
    const void *x;       // [16, k]
    const void *w;       // [k, 64]
    float *y;            // [16, 64]
    float *partials;     // [blocks, 16, 64]
    uint32_t *counters;  // one, left zero
    int32_t k;
};

enum class Bug {
    None,
    NoBarrierInPipeline,   // a stage is read that other threads' copies still fill
    NoBarrierBeforeReuse,  // the sums overwrite stages that other warps still read
    WaitsForTooFew,        // one group too many may be on its way
    WrongSwizzle,          // written with one swizzle, read with another
    CounterNotReset,       // the second launch finds no last block
    NoBarrierBeforeCount,  // a block counts itself before all its sums are written
    DivergentBarrier,      // half of the threads meet at another barrier
    LaneSkipsMma,          // one lane leaves the others waiting
    PastTheEnd,            // one tile too many is read
    PastSharedMemory,      // a float after the last one
    NeverWaits,            // copies still on their way at the end
};

template <Bug BUG> AWQM_DEVICE void planted(const PlantedArgs &args) {
    constexpr int STAGES = 3, X_BYTES = 16 * 128, STAGE_BYTES = X_BYTES + 64 * 128;
    AWQM_DYNAMIC_SHARED(stages);
    AWQM_SHARED(uint32_t, last, 1);
    const int t = threadIdx.x, lane = t % 32, warp = t / 32;
    const int tiles = args.k / 64, each = (tiles + gridDim.x - 1) / gridDim.x;
    const int begin = blockIdx.x * each, end = min(tiles, begin + each);
    const auto *x = static_cast<const unsigned char *>(args.x), *w = static_cast<const unsigned char *>(args.w);

    // Rows of 128 bytes; 16-byte piece i of row r lies at piece i ^ (r % 8), so that eight rows of a column meet no bank twice.
    auto place = [](int row, int piece) { return row * 128 + (piece ^ row % 8) * 16; };
    auto fetch = [&](int tile) {
        unsigned char *stage = stages + tile % STAGES * STAGE_BYTES;
        const int row = t / 8, piece = t % 8;
        const int from = BUG == Bug::PastTheEnd ? tile + 1 : tile;
        copy_async_16(stage + place(row, piece), x + (static_cast<int64_t>(row) * args.k + from * 64 + piece * 8) * 2);
        for (int i = 0; i < 4; i++) {
            copy_async_16(stage + X_BYTES + place(row + 16 * i, piece), w + ((from * 64ll + row + 16 * i) * 64 + piece * 8) * 2);
        }
    };

    for (int i = 0; i < STAGES - 1; i++) {
        if (begin + i < end) fetch(begin + i);
        copy_async_commit();
    }
    float sum[8][4] = {};
    for (int tile = begin; tile < end; tile++) {
        if (BUG != Bug::NeverWaits) copy_async_wait<BUG == Bug::WaitsForTooFew ? STAGES - 1 : STAGES - 2>();
        if (BUG != Bug::NoBarrierInPipeline) sync_threads();
        if (tile + STAGES - 1 < end) fetch(tile + STAGES - 1);
        copy_async_commit();
        const unsigned char *stage = stages + tile % STAGES * STAGE_BYTES;
        uint32_t a[4];
        ldmatrix_x4(a, stage + place(lane % 16, (warp * 2 + lane / 16) ^ (BUG == Bug::WrongSwizzle ? 1 : 0)));
#pragma unroll
        for (int pair = 0; pair < 4; pair++) {
            uint32_t b[4];
            ldmatrix_x4_trans(b, stage + X_BYTES + place(warp * 16 + lane % 16, pair * 2 + lane / 16));
            const uint32_t left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
            if (BUG == Bug::LaneSkipsMma && lane == 7) continue;
            mma_m16n8k16<__half>(sum[pair * 2], a, left);
            mma_m16n8k16<__half>(sum[pair * 2 + 1], a, right);
        }
    }
    if (BUG != Bug::NeverWaits) copy_async_wait<0>();
    if (BUG == Bug::DivergentBarrier && t >= 64) sync_threads();
    else if (BUG != Bug::NoBarrierBeforeReuse) sync_threads();

    // The sums of each warp, over the stages.
    float *sums = reinterpret_cast<float *>(stages);
    for (int j = 0; j < 8; j++) {
        for (int i = 0; i < 4; i++) {
            sums[warp * 1024 + (lane / 4 + 8 * (i / 2)) * 64 + j * 8 + lane % 4 * 2 + i % 2] = sum[j][i];
        }
    }
    if (BUG == Bug::PastSharedMemory && t == 0) sums[STAGES * STAGE_BYTES / 4] = 0;
    sync_threads();
    float *partial = args.partials + blockIdx.x * 1024;
    for (int i = t * 4; i < 1024; i += 512) {
        float4 total;
        float *of = &total.x;
        for (int j = 0; j < 4; j++) of[j] = sums[i + j] + sums[1024 + i + j] + sums[2048 + i + j] + sums[3072 + i + j];
        store_partial_128(partial + i, total);
    }
    thread_fence();
    if (BUG != Bug::NoBarrierBeforeCount) sync_threads();
    if (t == 0) last[0] = atomic_increment(args.counters) == gridDim.x - 1;
    sync_threads();
    if (!last[0]) return;
    thread_fence();
    for (int i = t * 4; i < 1024; i += 512) {
        float total[4] = {};
        for (uint32_t block = 0; block < gridDim.x; block++) {
            const float4 p = load_partial_128(args.partials + block * 1024 + i);
            total[0] += p.x, total[1] += p.y, total[2] += p.z, total[3] += p.w;
        }
        for (int j = 0; j < 4; j++) store_32(args.y + i + j, bit_cast<uint32_t>(total[j]));
    }
    if (BUG != Bug::CounterNotReset && t == 0) store_relaxed(args.counters, 0);
}

#define PLANTED(name, bug) \
    AWQM_KERNEL(128, 1, name, PlantedArgs) { planted<Bug::bug>(args); }
PLANTED(planted_none, None)
PLANTED(planted_no_barrier_in_pipeline, NoBarrierInPipeline)
PLANTED(planted_no_barrier_before_reuse, NoBarrierBeforeReuse)
PLANTED(planted_waits_for_too_few, WaitsForTooFew)
PLANTED(planted_wrong_swizzle, WrongSwizzle)
PLANTED(planted_counter_not_reset, CounterNotReset)
PLANTED(planted_no_barrier_before_count, NoBarrierBeforeCount)
PLANTED(planted_divergent_barrier, DivergentBarrier)
PLANTED(planted_lane_skips_mma, LaneSkipsMma)
PLANTED(planted_past_the_end, PastTheEnd)
PLANTED(planted_past_shared_memory, PastSharedMemory)
PLANTED(planted_never_waits, NeverWaits)

// Loops of blocks that wait for each other, and for nobody.
struct WaitArgs {
    uint32_t *flag;
    int32_t released;  // whether the last block sets the flag
};
AWQM_KERNEL(32, 1, planted_wait, WaitArgs) {
    if (blockIdx.x == gridDim.x - 1 && args.released) {
        store_release(args.flag, 1);
        return;
    }
    while (load_acquire(args.flag) == 0) {}
}

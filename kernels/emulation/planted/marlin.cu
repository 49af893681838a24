// The Marlin GEMM on machines with a bug each: tests show that the emulation finds it.
#include "../../marlin/block.h"

using namespace awqm;

// One group too many may be on its way.
struct WaitsForTooFew : Ampere {
    template <int PENDING> static void arrive() {
        copy_async_wait<PENDING + 1>();
        sync_threads();
    }
};
// A stage is read that other threads' copies still fill, and filled while others read it.
struct NoBarrier : Ampere {
    template <int PENDING> static void arrive() {
        copy_async_wait<PENDING>();
        if (PENDING == 0) sync_threads();
    }
};
// The sums go where other warps still read and copy.
struct NoBarrierAtTheEnd : Ampere {
    template <int PENDING> static void arrive() {
        copy_async_wait<PENDING>();
        if (PENDING > 0) sync_threads();
    }
};
// Rows of x are read past their end.
struct WholePieces : Ampere {
    static void copy_part_16(SharedPlace to, const void *from, int) { copy_async_16(to, from); }
};
// Groups of copies end one stage late.
struct NeverCommits : Ampere {
    static void commit() {}
};
// The second eight rows of k are left out.
struct HalfAProduct : Turing {
    template <class T> static void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
        mma_m16n8k8(c, a[0], a[1], b[0]);
    }
};

using Small = Tile<16, 128, 1, 16, 32, 1, 5, 5>;
#define PLANTED(name, machine) \
    AWQM_KERNEL(Small::kThreads, 1, name, MarlinArgs) { marlin<machine, __half, Small, 4>(args); }
PLANTED(planted_marlin_none, Ampere)
PLANTED(planted_marlin_waits_for_too_few, WaitsForTooFew)
PLANTED(planted_marlin_no_barrier, NoBarrier)
PLANTED(planted_marlin_no_barrier_at_the_end, NoBarrierAtTheEnd)
PLANTED(planted_marlin_whole_pieces, WholePieces)
PLANTED(planted_marlin_never_commits, NeverCommits)
PLANTED(planted_marlin_half_a_product, HalfAProduct)

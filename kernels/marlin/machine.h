// What compute capability 8.0 brought, and how 7.5 does without.
#pragma once
#include "tiles.h"

namespace awqm {

// Asynchronous copies, products of 16 rows of k.
struct Ampere {
  template <class Tile, int BITS> static constexpr int kStages = BITS == 4 ? Tile::kStages4 : Tile::kStages8;

  static AWQM_DEVICE void copy_8(SharedPlace to, const void* from) { copy_async_8(to, from); }
  static AWQM_DEVICE void copy_16(SharedPlace to, const void* from) { copy_async_16(to, from); }
  static AWQM_DEVICE void copy_once_16(SharedPlace to, const void* from) { copy_async_weights_16(to, from); }
  static AWQM_DEVICE void copy_part_16(SharedPlace to, const void* from, int inside) { copy_async_part_16(to, from, inside); }
  static AWQM_DEVICE void commit() { copy_async_commit(); }
  // All but the last PENDING groups of every thread's copies are there; all threads come here.
  template <int PENDING> static AWQM_DEVICE void arrive() {
    copy_async_wait<PENDING>();
    sync_threads();
  }

  template <class T> static AWQM_DEVICE void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_m16n8k16<T>(c, a, b);
  }
};

// Plain copies into the second of two stages, products of 8 rows of k, F16 only.
struct Turing {
  template <class Tile, int BITS> static constexpr int kStages = 2;

  static AWQM_DEVICE void copy_8(SharedPlace to, const void* from) { awqm::copy_8(to, from); }
  static AWQM_DEVICE void copy_16(SharedPlace to, const void* from) { awqm::copy_16(to, from); }
  static AWQM_DEVICE void copy_once_16(SharedPlace to, const void* from) { awqm::copy_16(to, from); }
  static AWQM_DEVICE void copy_part_16(SharedPlace to, const void* from, int inside) { awqm::copy_part_16(to, from, inside); }
  static AWQM_DEVICE void commit() {}
  template <int PENDING> static AWQM_DEVICE void arrive() { sync_threads(); }

  template <class T> static AWQM_DEVICE void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mma_m16n8k8(c, a[0], a[1], b[0]);
    mma_m16n8k8(c, a[2], a[3], b[1]);
  }
};

}  // namespace awqm

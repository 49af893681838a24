#include "banks.h"

#include <algorithm>
#include <set>

namespace awqm::emulation {

void count_wavefronts(const void *const (&address)[32], size_t bytes) {
    const size_t lanes = std::min<size_t>(32, 128 / bytes);
    for (size_t first = 0; first < 32; first += lanes) {
        std::set<uintptr_t> words[32];
        for (size_t lane = first; lane < first + lanes; lane++) {
            const uintptr_t word = reinterpret_cast<uintptr_t>(address[lane]) / 4;
            for (size_t i = 0; i < bytes / 4; i++) words[(word + i) % 32].insert(word + i);
        }
        size_t fullest = 0;
        for (const auto &of_bank : words) fullest = std::max(fullest, of_bank.size());
        stats().wavefronts += fullest;
        stats().least_wavefronts++;
    }
}

void look_at_banks(const void *p, size_t bytes, bool store) {
    if (!options().count_wavefronts) return;
    if (Rendezvous *all = arrive(store ? "store to shared memory" : "load of shared memory", const_cast<void *>(p), 0)) {
        const void *address[32];
        std::copy(all->slot, all->slot + 32, address);
        count_wavefronts(address, bytes);
        leave(all);
    }
}

}  // namespace awqm::emulation

// Kernels by name.
#pragma once
#include <cstdint>

namespace awqm::emulation {

struct Kernel {
    const char *name;
    void (*call)(const void *function, void *const *args);
    const void *function;
    uint32_t max_threads;
    Kernel *next;
};

// A static object of each kernel; links it into the list before main.
class Registered {
  public:
    template <class Args> Registered(const char *name, void (*function)(Args), uint32_t max_threads) {
        kernel_ = {name, call<Args>, reinterpret_cast<const void *>(function), max_threads, first()};
        first() = &kernel_;
    }
    static Kernel *&first();

  private:
    template <class Args> static void call(const void *function, void *const *args) {
        auto kernel = reinterpret_cast<void (*)(Args)>(const_cast<void *>(function));
        kernel(*static_cast<const Args *>(args[0]));
    }
    Kernel kernel_;
};

}  // namespace awqm::emulation

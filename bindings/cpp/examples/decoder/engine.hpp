// What an inference engine has already: memory of its own, streams, and a number format for its activations.
#pragma once

#include <awq_marlin.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace engine {

// The engine's memory: blocks on any boundary, counted. A real one would have arenas.
class Memory {
public:
    void *give(std::size_t bytes, std::size_t alignment) {
        void *at = nullptr;
        if (posix_memalign(&at, alignment, bytes)) return nullptr;
        held_ += bytes;
        if (held_ > most_) most_ = held_;
        return at;
    }
    void take(void *at, std::size_t bytes) {
        std::free(at);
        held_ -= bytes;
    }
    std::size_t held() const { return held_; }
    std::size_t most() const { return most_; }

    // The library's weights live here too, from now on.
    awqm::Result<> serve_library() {
        auto hooks = awqm::sized<awqm_allocator>();
        hooks.user_data = this;
        hooks.alloc = [](void *self, std::size_t bytes, std::size_t alignment) {
            return static_cast<Memory *>(self)->give(bytes, alignment);
        };
        hooks.release = [](void *self, void *at, std::size_t bytes, std::size_t) {
            static_cast<Memory *>(self)->take(at, bytes);
        };
        return awqm::Result<>(awqm_set_allocator(&hooks));
    }

private:
    std::size_t held_ = 0, most_ = 0;
};

// IEEE half, rounded to nearest even: what GPUs take as activations. Values of models are far from its limits.
inline std::uint16_t to_half(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    std::uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest < 0x38800000) { // below the smallest normal number: a multiple of 2^-24
        float magnitude;
        std::memcpy(&magnitude, &rest, sizeof magnitude);
        return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(magnitude * 16777216.0f + 0.5f));
    }
    if (rest > 0x477fe000) rest = 0x477fe000;
    std::uint32_t rounded = rest - 0x38000000 + 0xfff + (rest >> 13 & 1);
    return static_cast<std::uint16_t>(sign | rounded >> 13);
}

// Where products run. A stream takes work; replay() does what was captured, all of it with one call.
class Stream {
public:
    virtual ~Stream() = default;
    virtual void *buffer(std::size_t bytes) = 0;                            // zeroed memory that products can use
    virtual void upload(void *to, const void *from, std::size_t bytes) = 0; // before the next product
    virtual void download(void *to, const void *from, std::size_t bytes) = 0;
    virtual void *handle() = 0; // what awqm_linear_run gets
    virtual bool begin_capture() = 0;
    virtual int end_capture() = 0; // a number for replay()
    virtual void replay(int graph) = 0;
};

} // namespace engine

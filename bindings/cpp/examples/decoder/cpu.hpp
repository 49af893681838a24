// Products on the CPU: they run when they are called, so there is nothing to capture and nothing to wait for.
#pragma once

#include "engine.hpp"

namespace engine {

class CpuStream : public Stream {
public:
    explicit CpuStream(Memory &memory) : memory_(memory) {}
    ~CpuStream() override {
        for (int i = 0; i < count_; i++) memory_.take(blocks_[i], sizes_[i]);
    }
    void *buffer(std::size_t bytes) override {
        if (count_ == MOST) return nullptr;
        void *at = memory_.give(bytes, 64);
        std::memset(at, 0, bytes);
        blocks_[count_] = at;
        sizes_[count_++] = bytes;
        return at;
    }
    void upload(void *to, const void *from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void download(void *to, const void *from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
    void *handle() override { return nullptr; }
    bool begin_capture() override { return false; }
    int end_capture() override { return -1; }
    void replay(int) override {}

private:
    enum { MOST = 32 };
    Memory &memory_;
    void *blocks_[MOST];
    std::size_t sizes_[MOST];
    int count_ = 0;
};

} // namespace engine

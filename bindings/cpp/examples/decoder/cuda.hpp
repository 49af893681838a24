// Products on a GPU, through the driver alone: a context, a stream, and graphs of what was captured on it.
#pragma once

#include "engine.hpp"

#include <dlfcn.h>

namespace engine {

class CudaStream : public Stream {
public:
    CudaStream() {
        driver_ = dlopen("libcuda.so.1", RTLD_NOW);
        if (!driver_) fail("there is no CUDA driver", 0);
        int device = 0;
        call<unsigned>("cuInit", 0);
        call<int *, int>("cuDeviceGet", &device, 0);
        call<void **, int>("cuDevicePrimaryCtxRetain", &context_, device);
        call<void *>("cuCtxPushCurrent_v2", context_);
        call<void **, unsigned>("cuStreamCreate", &stream_, 1);
    }
    ~CudaStream() override {
        for (int i = 0; i < graphs_; i++) call<void *>("cuGraphExecDestroy", executables_[i]);
        for (int i = 0; i < count_; i++) call<std::uint64_t>("cuMemFree_v2", blocks_[i]);
        call<void *>("cuStreamDestroy_v2", stream_);
    }
    void *context() const { return context_; }

    void *buffer(std::size_t bytes) override {
        std::uint64_t at = 0;
        if (count_ == MOST) fail("too many buffers", 0);
        call<std::uint64_t *, std::size_t>("cuMemAlloc_v2", &at, bytes);
        void *zeros = std::calloc(bytes, 1);
        call<std::uint64_t, const void *, std::size_t>("cuMemcpyHtoD_v2", at, zeros, bytes);
        std::free(zeros);
        blocks_[count_++] = at;
        return reinterpret_cast<void *>(at);
    }
    void upload(void *to, const void *from, std::size_t bytes) override {
        call<std::uint64_t, const void *, std::size_t>("cuMemcpyHtoD_v2", reinterpret_cast<std::uint64_t>(to), from, bytes);
    }
    void download(void *to, const void *from, std::size_t bytes) override {
        call<void *>("cuStreamSynchronize", stream_);
        call<void *, std::uint64_t, std::size_t>("cuMemcpyDtoH_v2", to, reinterpret_cast<std::uint64_t>(from), bytes);
    }
    void *handle() override { return stream_; }
    bool begin_capture() override {
        call<void *, int>("cuStreamBeginCapture_v2", stream_, 1);
        return true;
    }
    int end_capture() override {
        void *graph = nullptr;
        if (graphs_ == MOST) fail("too many graphs", 0);
        call<void *, void **>("cuStreamEndCapture", stream_, &graph);
        call<void **, void *, unsigned long long>("cuGraphInstantiateWithFlags", &executables_[graphs_], graph, 0);
        call<void *>("cuGraphDestroy", graph);
        return graphs_++;
    }
    void replay(int graph) override { call<void *, void *>("cuGraphLaunch", executables_[graph], stream_); }

private:
    enum { MOST = 32 };

    template <class... Arguments> void call(const char *name, Arguments... arguments) {
        auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(driver_, name));
        int error = function ? function(arguments...) : -1;
        if (error) fail(name, error);
    }
    [[noreturn]] static void fail(const char *what, int error) {
        std::fprintf(stderr, "%s: %d\n", what, error);
        std::exit(1);
    }

    void *driver_ = nullptr, *context_ = nullptr, *stream_ = nullptr;
    std::uint64_t blocks_[MOST];
    void *executables_[MOST];
    int count_ = 0, graphs_ = 0;
};

} // namespace engine

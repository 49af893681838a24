// A decoder layer of an inference engine that brings its own memory, threads, stream and CUDA graphs:
//
//     decoder CHECKPOINT PREFIX cpu|cuda      such as decoder model-awq model.layers.0 cpu
//
// Prints the activations after some tokens. No exceptions, no RTTI; after start-up nothing is allocated.
#include "cpu.hpp"
#include "cuda.hpp"
#include "layer.hpp"

static int failed(const awqm::Error &error) {
    std::fprintf(stderr, "%s: %s\n", error.name(), error.message());
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) return std::fprintf(stderr, "usage: decoder CHECKPOINT PREFIX cpu|cuda\n"), 2;
    static engine::Memory memory;
    if (auto served = memory.serve_library(); !served) return failed(served.error());
    {
        // The engine's own threads; this one has none but the caller's.
        auto jobs = [](std::size_t count, auto task) {
            for (std::size_t i = 0; i < count; i++) task(i);
        };
        auto options = awqm::sized<awqm_cpu_options>();
        awqm::use_pool(options, jobs, 1);
        auto cpu = awqm::Device::cpu(&options);
        if (!cpu) return failed(cpu.error());
        engine::CpuStream cpu_stream(memory);

        bool on_gpu = std::strcmp(argv[3], "cuda") == 0;
        engine::CudaStream *cuda_stream = on_gpu ? new engine::CudaStream() : nullptr;
        auto gpu_options = awqm::sized<awqm_cuda_options>();
        if (on_gpu) gpu_options.context = cuda_stream->context();
        auto gpu = on_gpu ? awqm::Device::cuda(&gpu_options) : awqm::Result<awqm::Device>(awqm::Device());
        if (!gpu) return failed(gpu.error());
        engine::Stream &stream = on_gpu ? static_cast<engine::Stream &>(*cuda_stream) : cpu_stream;

        auto checkpoint = awqm::Checkpoint::open(argv[1]);
        if (!checkpoint) return failed(checkpoint.error());
        static engine::Layer layer;
        if (auto opened = layer.open(*checkpoint, argv[2], on_gpu ? *gpu : *cpu, stream, *cpu, cpu_stream); !opened)
            return failed(opened.error());

        float x[256];
        for (int token = 0; token < 8; token++) {
            for (int i = 0; i < 256; i++) x[i] = std::sin(0.1f * static_cast<float>(i + 17 * token));
            if (auto done = layer.step(x); !done) return failed(done.error());
        }
        for (int i = 0; i < 256; i += 16) std::printf("%.4f\n", x[i]);
        layer = engine::Layer(); // before its streams
        delete cuda_stream;
    }
    std::fprintf(stderr, "the library and the streams held up to %zu KiB of the engine's memory\n", memory.most() >> 10);
    return memory.held() == 0 ? 0 : (std::fprintf(stderr, "%zu bytes were not given back\n", memory.held()), 1);
}

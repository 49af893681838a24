// One layer of an AWQ checkpoint on the CPU: c++ -std=c++17 first.cpp $(pkg-config --cflags --libs awq_marlin)
#include <awq_marlin.hpp>
#include <cstdio>
#include <vector>

int main(int argc, char **argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: first DIR LAYER\n"), 2;
    auto device = awqm::Device::cpu();
    auto checkpoint = awqm::Checkpoint::open(argv[1]);
    if (!checkpoint) return std::fprintf(stderr, "%s\n", checkpoint.error().message()), 1;
    auto packed = checkpoint->load(argv[2]);
    auto layer = awqm::Linear::create(*device, *packed);
    if (!layer) return std::fprintf(stderr, "%s\n", (packed ? layer.error() : packed.error()).message()), 1;
    auto info = layer->info();
    std::vector<float> x(info->k, 1.0f), y(info->n);
    std::vector<unsigned char> workspace(*layer->workspace_bytes(1, AWQM_DTYPE_F32));
    auto run = layer->run(awqm::rows(x.data(), AWQM_DTYPE_F32, y.data(), AWQM_DTYPE_F32, 1), workspace);
    if (!run) return std::fprintf(stderr, "%s\n", run.error().message()), 1;
    std::printf("K %lld, N %lld; x all ones, y[0] = %g\n", (long long)info->k, (long long)info->n, y[0]);
}

// The real thing: open a checkpoint, repack a layer, run it, compare; one error of each class; owners that move.
#include <awq_marlin.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

static int failures;
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) failures++, std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);     \
    } while (0)

static const char LAYER[] = "model.layers.0.mlp.up_proj";

static_assert(!std::is_copy_constructible<awqm::Linear>::value && !std::is_copy_assignable<awqm::Linear>::value, "");
static_assert(std::is_nothrow_move_constructible<awqm::Linear>::value, "");
static_assert(sizeof(awqm::Linear) == sizeof(void *), "a handle is a pointer");

static double f64_at(const awqm_tensor_view &view, std::size_t i) {
    double value;
    std::memcpy(&value, static_cast<const char *>(view.data) + i * sizeof value, sizeof value);
    return value;
}

// Runs rows x of the golden file and compares with the float64 result of the reference.
static void compare(const awqm::Linear &layer, const awqm::Plan *plan, const std::string &fixtures) {
    std::string file = fixtures + "/checkpoint/llama2l_gemm.expected.safetensors";
    const char *files[] = {file.c_str()};
    auto golden = awqm::Checkpoint::open_files(files);
    auto x = golden->tensor("x_k256"), expected = golden->tensor("y.model.layers.0.mlp.up_proj");
    EXPECT(x && expected && layer.info()->k == x->shape[1] && layer.info()->n == expected->shape[1]);
    std::int64_t rows = x->shape[0];
    std::vector<float> y(expected->bytes / sizeof(double), -1.0f);
    std::vector<unsigned char> workspace(*layer.workspace_bytes(rows, x->dtype));
    awqm_run_args args = awqm::rows(x->data, x->dtype, y.data(), AWQM_DTYPE_F32, rows);
    auto run = plan ? plan->run(args, workspace) : layer.run(args, workspace);
    if (!run) std::fprintf(stderr, "%s\n", run.error().message());
    EXPECT(run);
    std::size_t bad = 0; // the reference multiplies with weights rounded to half, the library with exact ones
    for (std::size_t i = 0; i < y.size(); i++) {
        double wanted = f64_at(*expected, i);
        if (!(std::fabs(y[i] - wanted) <= 4e-3 * (1 + std::fabs(wanted)))) bad++;
    }
    EXPECT(bad == 0);
}

static void real_thing(const std::string &fixtures, const char *save_to) {
    auto device = awqm::Device::cpu();
    auto checkpoint = awqm::Checkpoint::open((fixtures + "/checkpoint/llama2l_gemm").c_str());
    auto packed = checkpoint->load(LAYER);
    auto marlin = packed->convert(AWQM_LAYOUT_MARLIN, *device);
    EXPECT(marlin && marlin->info()->layout == AWQM_LAYOUT_MARLIN);
    EXPECT(marlin->save(save_to, "layer")); // the script compares the bytes
    auto again = awqm::Packed::load_from(save_to, "layer");
    auto layer = awqm::Linear::create(*device, *again);
    EXPECT(layer);
    again = awqm::Packed(); // the layer keeps what it needs
    compare(*layer, nullptr, fixtures);

    auto options = awqm::sized<awqm_plan_options>();
    options.dtype = AWQM_DTYPE_F16;
    options.m = 2;
    auto plan = awqm::Plan::create(*layer, options);
    char text[512];
    EXPECT(plan && plan->info()->k == 256 && *plan->reason(text) == std::strlen(text) && text[0]);
    EXPECT(*plan->reason({}) == std::strlen(text)); // an empty span asks for the length
    EXPECT(plan->export_text(text));
    auto imported = awqm::Plan::import_text(*layer, text);
    EXPECT(imported);
    compare(*layer, &*imported, fixtures);

    // Owners move; what was moved from is empty and harmless.
    awqm::Linear moved = layer.take();
    EXPECT(moved && !*layer);
    EXPECT(layer->info().code() == AWQM_STATUS_NULL_POINTER);
    awqm::Linear other;
    other = std::move(moved);
    awqm_linear *bare = other.release();
    EXPECT(bare && !other);
    other.reset(bare);
    compare(other, &*plan, fixtures);
    // Any thread may free.
    std::thread([last = std::move(other)]() mutable { last.reset(); }).join();
}

static std::int32_t stop(void *calls, const awqm_progress *) { return ++*static_cast<int *>(calls); }

static void errors(const std::string &fixtures, const char *directory) {
    // NULL: an empty handle is a status, not a crash; a chain of calls may be checked at its end.
    auto none = awqm::Checkpoint::open("/no/such/place")->load(LAYER)->convert(AWQM_LAYOUT_MARLIN);
    EXPECT(none.code() == AWQM_STATUS_NULL_POINTER && !*none);
    // A missing file; the message names it.
    auto missing = awqm::Checkpoint::open("/no/such/place");
    EXPECT(!missing && missing.code() == AWQM_STATUS_MISSING);
    EXPECT(std::strstr(missing.error().message(), "/no/such/place") && missing.error().name()[0] == 'A');
    // A message stays with its error, whatever fails next.
    awqm::Error kept = missing.error();
    EXPECT(!awqm::Config::load_file((fixtures + "/configs/bits_3.json").c_str()));
    EXPECT(std::strstr(kept.message(), "/no/such/place"));
    // A config that contradicts itself or cannot be run, JSON that is none.
    EXPECT(awqm::Config::load_file((fixtures + "/configs/bits_3.json").c_str()).code() == AWQM_STATUS_UNSUPPORTED);
    std::string json = "{\"bits\": ";
    EXPECT(awqm::Config::parse(json, "here").code() == AWQM_STATUS_JSON);
    // An argument out of range, an unknown enum, a name that nothing has, a buffer that is too small.
    auto checkpoint = awqm::Checkpoint::open((fixtures + "/checkpoint/llama2l_gemm").c_str());
    auto packed = checkpoint->load(LAYER);
    EXPECT(packed->convert(99).code() == AWQM_STATUS_UNKNOWN_ENUM);
    EXPECT(checkpoint->load("no.such.layer").code() == AWQM_STATUS_NOT_FOUND);
    char small_text[2];
    EXPECT(checkpoint->layer_name(0, small_text).code() == AWQM_STATUS_BUFFER_TOO_SMALL);
    auto layer = awqm::Linear::create(*awqm::Device::cpu(), *packed);
    EXPECT(layer->workspace_bytes(0, AWQM_DTYPE_F32).code() == AWQM_STATUS_INVALID_ARGUMENT);
    // A tensor of a wrong size.
    auto desc = awqm::sized<awqm_layer_desc>();
    desc.k = 128, desc.n = 64, desc.bits = 4, desc.group_size = 128, desc.layout = AWQM_LAYOUT_AWQ_GEMM;
    auto tensors = awqm::sized<awqm_layer_tensors>();
    tensors.qweight = small_text, tensors.qweight_bytes = 2;
    EXPECT(awqm::Packed::create(desc, tensors).code() == AWQM_STATUS_TENSOR);
    // A callback that asks to stop.
    int calls = 0;
    auto options = awqm::sized<awqm_quantize_options>();
    options.layout = AWQM_LAYOUT_COMPRESSED_TENSORS, options.progress = stop, options.user_data = &calls;
    std::string source = fixtures + "/checkpoint/llama2l_gemm", target = std::string(directory) + "/converted";
    awqm::Result<> converted(awqm_convert_checkpoint(source.c_str(), target.c_str(), &options, nullptr));
    EXPECT(converted.code() == AWQM_STATUS_CANCELLED && calls == 1);
}

// The host's threads, as any callable.
static void own_pool(const std::string &fixtures) {
    int tasks = 0;
    auto pool = [&tasks](std::size_t count, auto task) {
        for (std::size_t i = 0; i < count; i++) task(i), tasks++;
    };
    auto options = awqm::sized<awqm_cpu_options>();
    awqm::use_pool(options, pool, 4);
    auto device = awqm::Device::cpu(&options);
    auto checkpoint = awqm::Checkpoint::open((fixtures + "/checkpoint/llama2l_gemm").c_str());
    auto load = awqm::sized<awqm_load_options>();
    load.device = device->get();
    auto packed = checkpoint->load(LAYER, &load);
    EXPECT(packed && tasks > 0);
}

#if defined(AWQM_CPP_EXCEPTIONS)
static void exceptions() {
    bool caught = false;
    try {
        awqm::Checkpoint::open("/no/such/place").or_throw();
    } catch (const awqm::Exception &e) {
        caught = e.error().code() == AWQM_STATUS_MISSING && std::strstr(e.what(), "/no/such/place");
    }
    EXPECT(caught);
    awqm::Device device = awqm::Device::cpu().or_throw();
    EXPECT(device.info().or_throw().backend == AWQM_BACKEND_CPU);
}
#endif

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    std::string fixtures = argv[1], directory = argv[2];
    real_thing(fixtures, (directory + "/marlin.safetensors").c_str());
    errors(fixtures, directory.c_str());
    own_pool(fixtures);
#if defined(AWQM_CPP_EXCEPTIONS)
    exceptions();
#endif
    if (!failures) std::puts("ok");
    return failures != 0;
}

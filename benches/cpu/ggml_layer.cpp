// Layers of llama.cpp's arithmetic, for peer_ggml.py: copies of one weight in ggml's CPU backend, all multiplied with the
// same activations in one graph, as a model's layers are.

#include <cstring>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml.h"

namespace {

struct layers {
    int64_t k, n;
    ggml_type type;
    ggml_backend_t backend;
    ggml_backend_buffer_type_t weights_in;
    ggml_context *weights;
    ggml_backend_buffer_t buffer;
    std::vector<ggml_tensor *> copies;
    ggml_context *products = nullptr; // of one number of rows
    ggml_gallocr_t results = nullptr;
    ggml_cgraph *graph = nullptr;
    ggml_tensor *x = nullptr;
    ggml_threadpool *pool;
};

// Where llama.cpp puts weights that it has faster kernels for; nullptr when this ggml has no such place.
ggml_backend_buffer_type_t repacked() {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
    for (ggml_backend_buffer_type_t *type = extra ? extra(device) : nullptr; type && *type; type++)
        if (std::strcmp(ggml_backend_buft_name(*type), "CPU_REPACK") == 0) return *type;
    return nullptr;
}

ggml_context *context(size_t tensors) {
    return ggml_init({tensors * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true});
}

} // namespace

extern "C" {

// Bytes of a weight of that type; 0 when it cannot hold rows of k.
size_t layers_weight_bytes(int type, int64_t k, int64_t n) {
    auto t = static_cast<ggml_type>(type);
    return k % ggml_blck_size(t) == 0 ? ggml_row_size(t, k) * n : 0;
}

void layers_quantize(int type, const float *from, void *to, int64_t k, int64_t n) {
    ggml_quantize_chunk(static_cast<ggml_type>(type), from, to, 0, n, k, nullptr);
}

// nullptr when the weights should be repacked and cannot be.
layers *layers_new(int type, int64_t k, int64_t n, int copies, int threads, int repack) {
    auto *l = new layers();
    l->k = k, l->n = n, l->type = static_cast<ggml_type>(type);
    l->backend = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr);
    ggml_backend_cpu_set_n_threads(l->backend, threads);
    ggml_threadpool_params params = ggml_threadpool_params_default(threads);
    l->pool = ggml_threadpool_new(&params);
    ggml_backend_cpu_set_threadpool(l->backend, l->pool);
    l->weights_in = repack ? repacked() : ggml_backend_cpu_buffer_type();
    if (l->weights_in == nullptr) return nullptr;
    l->weights = context(copies);
    for (int i = 0; i < copies; i++) l->copies.push_back(ggml_new_tensor_2d(l->weights, l->type, k, n));
    l->buffer = ggml_backend_alloc_ctx_tensors_from_buft(l->weights, l->weights_in);
    // A type that the place has no kernel for is told by a tensor without traits of its own.
    if (l->buffer == nullptr || (repack && l->copies[0]->extra == nullptr)) return nullptr;
    ggml_backend_buffer_set_usage(l->buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    return l;
}

void layers_set(layers *l, int copy, const void *quantized) {
    ggml_backend_tensor_set(l->copies[copy], quantized, 0, ggml_row_size(l->type, l->k) * l->n);
}

// One graph with the products of all copies.
int layers_input(layers *l, const float *x, int64_t m) {
    if (l->results) ggml_gallocr_free(l->results);
    if (l->products) ggml_free(l->products);
    l->products = context(2 * l->copies.size() + 2);
    l->x = ggml_new_tensor_2d(l->products, GGML_TYPE_F32, l->k, m);
    ggml_set_input(l->x);
    l->graph = ggml_new_graph(l->products);
    for (ggml_tensor *w : l->copies) {
        ggml_tensor *y = ggml_mul_mat(l->products, w, l->x);
        ggml_set_output(y); // so that no result overwrites another
        ggml_build_forward_expand(l->graph, y);
    }
    l->results = ggml_gallocr_new(ggml_backend_get_default_buffer_type(l->backend));
    if (!ggml_gallocr_alloc_graph(l->results, l->graph)) return 1;
    ggml_backend_tensor_set(l->x, x, 0, ggml_nbytes(l->x));
    return 0;
}

int layers_run(layers *l) { return ggml_backend_graph_compute(l->backend, l->graph); }

// Rows of the first copy's product.
void layers_output(const layers *l, float *y) {
    const ggml_tensor *first = ggml_graph_node(l->graph, 0);
    ggml_backend_tensor_get(first, y, 0, ggml_nbytes(first));
}
}

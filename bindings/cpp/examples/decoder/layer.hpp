// One decoder layer of the Llama family: attention over a cache, then the gated MLP, each with its norm before it.
#pragma once

#include "engine.hpp"

#include <cmath>

namespace engine {

enum { HEAD = 64, MOST_TOKENS = 64, MOST_WIDTH = 2048 };

// One linear layer with its buffers, captured once and replayed for every token.
class Product {
public:
    awqm::Result<> open(const awqm::Checkpoint &checkpoint, awqm::Span<const char *const> names, const awqm::Device &device,
                        Stream &stream) {
        stream_ = &stream;
        auto options = awqm::sized<awqm_load_options>();
        options.device = device.get();
        auto packed = checkpoint.load(names, &options); // q, k and v, or gate and up, become one layer
        if (!packed) return packed.error();
        auto layer = awqm::Linear::create(device, *packed);
        if (!layer) return layer.error();
        auto plan_options = awqm::sized<awqm_plan_options>();
        plan_options.dtype = AWQM_DTYPE_F16;
        plan_options.m = 1;
        auto plan = awqm::Plan::create(*layer, plan_options);
        if (!plan) return plan.error();
        k_ = layer->info()->k;
        n_ = layer->info()->n;
        std::size_t bytes = plan->info()->workspace_bytes;
        workspace_ = awqm::Span<unsigned char>(static_cast<unsigned char *>(stream.buffer(bytes + 1)), bytes);
        args_ = awqm::rows(stream.buffer(2 * k_), AWQM_DTYPE_F16, stream.buffer(4 * n_), AWQM_DTYPE_F32, 1);
        plan_ = plan.take(); // keeps the layer alive
        if (!stream.begin_capture()) return awqm::Result<>();
        auto run = plan_.run(args_, workspace_, stream.handle());
        graph_ = stream.end_capture();
        return run;
    }

    // y [n] = x [k] * w. No allocation; on a GPU one launch of a graph.
    awqm::Result<> run(const float *x, float *y) {
        for (std::int64_t i = 0; i < k_; i++) half_[i] = to_half(x[i]);
        stream_->upload(const_cast<void *>(args_.x), half_, 2 * k_);
        if (graph_ >= 0) stream_->replay(graph_);
        else if (auto done = plan_.run(args_, workspace_, stream_->handle()); !done) return done;
        stream_->download(y, args_.y, 4 * n_);
        return awqm::Result<>();
    }
    std::int64_t n() const { return n_; }
    std::int64_t k() const { return k_; }

private:
    Stream *stream_ = nullptr;
    awqm::Plan plan_;
    awqm_run_args args_{};
    awqm::Span<unsigned char> workspace_;
    std::int64_t k_ = 0, n_ = 0;
    int graph_ = -1;
    std::uint16_t half_[MOST_WIDTH];
};

class Layer {
public:
    // `device` runs what is quantized; a dense output projection stays on the CPU. `prefix` is "model.layers.0".
    awqm::Result<> open(const awqm::Checkpoint &checkpoint, const char *prefix, const awqm::Device &device, Stream &stream,
                        const awqm::Device &cpu, Stream &cpu_stream) {
        char text[8][128];
        const char *names[8];
        static const char *const PARTS[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                            "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj",    "input_layernorm"};
        for (int i = 0; i < 8; i++) {
            std::snprintf(text[i], sizeof text[i], "%s.%s", prefix, PARTS[i]);
            names[i] = text[i];
        }
        auto info = checkpoint.query_layer(names[3]);
        if (!info) return info.error();
        bool dense = !info->quantized;
        struct {
            Product &product;
            int first, count;
            bool on_cpu;
        } all[] = {{qkv_, 0, 3, false}, {out_, 3, 1, dense}, {gate_up_, 4, 2, false}, {down_, 6, 1, false}};
        for (auto &p : all) {
            awqm::Span<const char *const> members(names + p.first, p.count);
            auto opened = p.product.open(checkpoint, members, p.on_cpu ? cpu : device, p.on_cpu ? cpu_stream : stream);
            if (!opened) return opened;
        }
        heads_ = static_cast<int>(out_.k() / HEAD);
        groups_ = static_cast<int>((qkv_.n() - out_.k()) / 2 / HEAD);
        return awqm::Result<>();
    }

    // One token: x [width] in place.
    awqm::Result<> step(float *x) {
        int width = static_cast<int>(out_.n()), inner = static_cast<int>(down_.k());
        norm(x, width);
        if (auto done = qkv_.run(normed_, wide_); !done) return done;
        attend(wide_, attended_);
        if (auto done = out_.run(attended_, normed_); !done) return done;
        for (int i = 0; i < width; i++) x[i] += normed_[i];
        norm(x, width);
        if (auto done = gate_up_.run(normed_, wide_); !done) return done;
        for (int i = 0; i < inner; i++) wide_[i] = wide_[i] / (1 + std::exp(-wide_[i])) * wide_[inner + i];
        if (auto done = down_.run(wide_, normed_); !done) return done;
        for (int i = 0; i < width; i++) x[i] += normed_[i];
        tokens_++;
        return awqm::Result<>();
    }

private:
    void norm(const float *x, int width) { // RMS; the weights of the norms are left out of this example
        double sum = 0;
        for (int i = 0; i < width; i++) sum += double(x[i]) * x[i];
        float by = static_cast<float>(1 / std::sqrt(sum / width + 1e-6));
        for (int i = 0; i < width; i++) normed_[i] = x[i] * by;
    }

    void rotate(float *head, int position) {
        for (int i = 0; i < HEAD / 2; i++) {
            float angle = position * std::pow(10000.0f, -2.0f * i / HEAD), c = std::cos(angle), s = std::sin(angle);
            float a = head[i], b = head[i + HEAD / 2];
            head[i] = a * c - b * s;
            head[i + HEAD / 2] = b * c + a * s;
        }
    }

    void attend(float *qkv, float *out) {
        float *k = qkv + heads_ * HEAD, *v = k + groups_ * HEAD;
        for (int g = 0; g < groups_; g++) {
            rotate(k + g * HEAD, tokens_);
            std::memcpy(keys_[tokens_][g], k + g * HEAD, sizeof keys_[0][0]);
            std::memcpy(values_[tokens_][g], v + g * HEAD, sizeof values_[0][0]);
        }
        for (int h = 0; h < heads_; h++) {
            float *q = qkv + h * HEAD, weight[MOST_TOKENS], sum = 0;
            int g = h / (heads_ / groups_);
            rotate(q, tokens_);
            for (int t = 0; t <= tokens_; t++) {
                float dot = 0;
                for (int i = 0; i < HEAD; i++) dot += q[i] * keys_[t][g][i];
                sum += weight[t] = std::exp(dot / 8); // sqrt(HEAD)
            }
            for (int i = 0; i < HEAD; i++) {
                float mixed = 0;
                for (int t = 0; t <= tokens_; t++) mixed += weight[t] * values_[t][g][i];
                out[h * HEAD + i] = mixed / sum;
            }
        }
    }

    Product qkv_, out_, gate_up_, down_;
    int heads_ = 0, groups_ = 0, tokens_ = 0;
    float keys_[MOST_TOKENS][8][HEAD], values_[MOST_TOKENS][8][HEAD];
    float normed_[MOST_WIDTH], attended_[MOST_WIDTH], wide_[2 * MOST_WIDTH];
};

} // namespace engine

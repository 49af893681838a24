/**
 * @file awq_marlin.hpp
 * awq-marlin for C++17: owners that move, results instead of error codes. Header only; link awq_marlin.
 *
 * It adds ownership and errors to awq_marlin.h and nothing else: options, infos and enums are the C ones, and every
 * handle gives its C pointer by get(), so functions that have no method here can be called as well.
 *
 *     auto device = awqm::Device::cpu();
 *     auto checkpoint = awqm::Checkpoint::open("model-awq");
 *     auto packed = checkpoint->load("model.layers.0.self_attn.q_proj");
 *     if (!packed) return puts(packed.error().message()), 1;
 *     auto layer = awqm::Linear::create(*device, *packed);
 *
 * Errors. What can fail gives a Result: true when it succeeded, else error() has status and message. The value of a
 * failed Result is empty (a handle without an object, a struct of zeros), and the library answers calls on empty
 * handles with NULL_POINTER; so a chain of calls may be checked at its end. No exceptions, no RTTI, no allocation:
 * the message is kept inside the Error. With AWQM_CPP_EXCEPTIONS defined, or_throw() throws awqm::Exception instead.
 *
 * Threads are as at the C functions: const methods may run on any number of threads at once. Since 0.1.
 */
#ifndef AWQ_MARLIN_HPP
#define AWQ_MARLIN_HPP

#include <awq_marlin.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#if defined(AWQM_CPP_EXCEPTIONS)
#include <exception>
#endif

namespace awqm {

/** A failure: its status, and a copy of what awqm_last_error_message said of it, cut to fit. */
class Error {
public:
    Error() noexcept : code_(AWQM_STATUS_OK) { text_[0] = '\0'; }
    /** The failure that has just happened on this thread. */
    explicit Error(awqm_status code) noexcept : code_(code) { take_message(); }

    awqm_status code() const noexcept { return code_; }
    /** "AWQM_STATUS_TENSOR" and so on. */
    const char *name() const noexcept { return awqm_status_name(static_cast<std::int32_t>(code_)); }
    /** UTF-8, NUL-terminated; lives as long as this object. */
    const char *message() const noexcept { return text_; }

private:
    void take_message() noexcept {
        const char *text = awqm_last_error_message();
        std::size_t length = 0;
        while (length + 1 < sizeof text_ && text[length]) {
            text_[length] = text[length];
            length++;
        }
        // Not in the middle of a character.
        while (text[length] && length && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) length--;
        text_[length] = '\0';
    }

    awqm_status code_;
    char text_[512];
};

#if defined(AWQM_CPP_EXCEPTIONS)
/** What or_throw() throws. */
class Exception : public std::exception {
public:
    explicit Exception(const Error &error) noexcept : error_(error) {}
    const char *what() const noexcept override { return error_.message(); }
    const Error &error() const noexcept { return error_; }

private:
    Error error_;
};
#endif

/** Success, or an Error. A successful one writes no more than a number. */
template <class T = void> class Result;

template <> class [[nodiscard]] Result<void> {
public:
    Result() noexcept : failed_(false), none_() {}
    /** The outcome of a C call on this thread. */
    explicit Result(awqm_status code) noexcept : failed_(code != AWQM_STATUS_OK), none_() {
        if (failed_) error_ = Error(code);
    }
    Result(const Error &error) noexcept : failed_(true), error_(error) {}

    explicit operator bool() const noexcept { return !failed_; }
    bool ok() const noexcept { return !failed_; }
    awqm_status code() const noexcept { return failed_ ? error_.code() : AWQM_STATUS_OK; }
    /** Why it failed; an error with code OK when it did not. */
    Error error() const noexcept { return failed_ ? error_ : Error(); }
#if defined(AWQM_CPP_EXCEPTIONS)
    void or_throw() const {
        if (failed_) throw Exception(error_);
    }
#endif

private:
    bool failed_;
    union { // no 512 bytes to fill where all went well
        char none_;
        Error error_;
    };
};

template <class T> class [[nodiscard]] Result {
public:
    Result(T &&value) noexcept : value_(std::move(value)) {}
    Result(const Error &error) noexcept : value_(), outcome_(error) {}
    Result(T &&value, awqm_status code) noexcept : value_(std::move(value)), outcome_(code) {}

    explicit operator bool() const noexcept { return outcome_.ok(); }
    bool ok() const noexcept { return outcome_.ok(); }
    awqm_status code() const noexcept { return outcome_.code(); }
    Error error() const noexcept { return outcome_.error(); }

    /** The value; empty when the call failed. */
    T &operator*() noexcept { return value_; }
    const T &operator*() const noexcept { return value_; }
    T *operator->() noexcept { return &value_; }
    const T *operator->() const noexcept { return &value_; }
    /** Moves the value out. */
    T take() noexcept { return std::move(value_); }
#if defined(AWQM_CPP_EXCEPTIONS)
    T or_throw() {
        outcome_.or_throw();
        return std::move(value_);
    }
#endif

private:
    T value_;
    Result<void> outcome_;
};

/** A struct of zeros with its struct_size set: all defaults. */
template <class T> T sized() noexcept {
    T value{};
    value.struct_size = sizeof value;
    return value;
}

/** Elements of the caller's that lie one after the other. */
template <class T> class Span {
public:
    constexpr Span() noexcept : data_(nullptr), size_(0) {}
    constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    template <std::size_t N> constexpr Span(T (&array)[N]) noexcept : data_(array), size_(N) {}
    /** Anything with data() and size(): vector, array, string, std::span. */
    template <class C, class = decltype(static_cast<T *>(std::declval<C &>().data()), std::declval<C &>().size())>
    constexpr Span(C &container) noexcept : data_(container.data()), size_(container.size()) {}

    constexpr T *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr std::size_t bytes() const noexcept { return size_ * sizeof(T); }

private:
    T *data_;
    std::size_t size_;
};

/** Owns one object of the library: moves, never copies, frees at its end. */
template <class T, void (*Free)(T *)> class Handle {
public:
    Handle() noexcept : object_(nullptr) {}
    /** Takes over what a C function has given. */
    explicit Handle(T *object) noexcept : object_(object) {}
    Handle(Handle &&other) noexcept : object_(other.release()) {}
    Handle &operator=(Handle &&other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    Handle(const Handle &) = delete;
    Handle &operator=(const Handle &) = delete;
    ~Handle() { Free(object_); }

    /** For C functions; stays owned. */
    T *get() const noexcept { return object_; }
    /** Gives the object away: the caller frees it. */
    T *release() noexcept {
        T *object = object_;
        object_ = nullptr;
        return object;
    }
    /** Frees the object now, and takes another. */
    void reset(T *object = nullptr) noexcept {
        T *old = object_;
        object_ = object;
        Free(old);
    }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    T *object_;
};

namespace detail {
/** Calls a function that makes a C object, and owns what it made. */
template <class H, class C, class Make> Result<H> made(Make make) noexcept {
    C *object = nullptr;
    awqm_status code = make(&object);
    return Result<H>(H(object), code);
}

/** Calls a function that fills a struct. */
template <class T, class Fill> Result<T> filled(Fill fill) noexcept {
    T value = sized<T>();
    awqm_status code = fill(&value);
    return Result<T>(std::move(value), code);
}

/** Calls a function that writes a number. */
template <class Fill> Result<std::size_t> counted(Fill fill) noexcept {
    std::size_t value = 0;
    awqm_status code = fill(&value);
    return Result<std::size_t>(std::move(value), code);
}
} // namespace detail

/** Lets a device use the host's threads: `pool(count, task)` must call task(i) once for each i below count. */
template <class Pool> void use_pool(awqm_cpu_options &options, Pool &pool, std::uint32_t threads) noexcept {
    options.threads = threads;
    options.user_data = &pool;
    options.parallel = [](void *data, std::size_t count, awqm_task_fn task, void *task_data) noexcept {
        (*static_cast<Pool *>(data))(count, [=](std::size_t index) { task(task_data, index); });
    };
}

/** awqm_device. */
class Device : public Handle<awqm_device, awqm_device_free> {
public:
    using Handle::Handle;
    static Result<Device> cpu(const awqm_cpu_options *options = nullptr) noexcept {
        return detail::made<Device, awqm_device>([&](awqm_device **out) { return awqm_device_create_cpu(options, out); });
    }
    static Result<Device> cuda(const awqm_cuda_options *options = nullptr) noexcept {
        return detail::made<Device, awqm_device>([&](awqm_device **out) { return awqm_device_create_cuda(options, out); });
    }
    Result<awqm_device_info> info() const noexcept {
        return detail::filled<awqm_device_info>([&](auto *out) { return awqm_device_get_info(get(), out); });
    }
};

/** awqm_config. Functions with (buf, cap) write NUL-terminated text and give its length; an empty span asks for it. */
class Config : public Handle<awqm_config, awqm_config_free> {
public:
    using Handle::Handle;
    static Result<Config> parse(Span<const char> json, const char *origin = nullptr) noexcept {
        return detail::made<Config, awqm_config>(
            [&](awqm_config **out) { return awqm_config_parse(json.data(), json.size(), origin, out); });
    }
    static Result<Config> load_directory(const char *path) noexcept {
        return detail::made<Config, awqm_config>([&](awqm_config **out) { return awqm_config_load_directory(path, out); });
    }
    static Result<Config> load_file(const char *path) noexcept {
        return detail::made<Config, awqm_config>([&](awqm_config **out) { return awqm_config_load_file(path, out); });
    }
    Result<awqm_config_info> info() const noexcept {
        return detail::filled<awqm_config_info>([&](auto *out) { return awqm_config_get_info(get(), out); });
    }
    Result<awqm_module_info> query_module(const char *name) const noexcept {
        return detail::filled<awqm_module_info>(
            [&](auto *out) { return awqm_config_query_module(get(), name, out, nullptr, 0, nullptr); });
    }
    Result<std::size_t> source(Span<char> text) const noexcept {
        return detail::counted(
            [&](std::size_t *out) { return awqm_config_get_source(get(), text.data(), text.size(), out); });
    }
    Result<std::size_t> to_json(Span<char> text) const noexcept {
        return detail::counted([&](std::size_t *out) { return awqm_config_to_json(get(), text.data(), text.size(), out); });
    }
};

/** awqm_packed. */
class Packed : public Handle<awqm_packed, awqm_packed_free> {
public:
    using Handle::Handle;
    static Result<Packed> create(const awqm_layer_desc &desc, const awqm_layer_tensors &tensors) noexcept {
        return detail::made<Packed, awqm_packed>(
            [&](awqm_packed **out) { return awqm_packed_create(&desc, &tensors, out); });
    }
    static Result<Packed> load_from(const char *path, const char *prefix) noexcept {
        return detail::made<Packed, awqm_packed>([&](awqm_packed **out) { return awqm_packed_load(path, prefix, out); });
    }
    Result<Packed> convert(awqm_layout to, const Device &device = Device()) const noexcept {
        return detail::made<Packed, awqm_packed>(
            [&](awqm_packed **out) { return awqm_packed_convert(get(), to, device.get(), out); });
    }
    Result<awqm_packed_info> info() const noexcept {
        return detail::filled<awqm_packed_info>([&](auto *out) { return awqm_packed_get_info(get(), out); });
    }
    /** Borrowed: lives as long as this object. */
    Result<awqm_tensor_view> tensor(awqm_role role) const noexcept {
        return detail::filled<awqm_tensor_view>([&](auto *out) { return awqm_packed_get_tensor(get(), role, out); });
    }
    Result<> dequantize(awqm_dtype dtype, void *out, std::size_t bytes, const Device &device = Device()) const noexcept {
        return Result<>(awqm_packed_dequantize(get(), dtype, out, bytes, device.get()));
    }
    Result<> save(const char *path, const char *prefix) const noexcept {
        return Result<>(awqm_packed_save(get(), path, prefix));
    }
};

/** awqm_checkpoint. */
class Checkpoint : public Handle<awqm_checkpoint, awqm_checkpoint_free> {
public:
    using Handle::Handle;
    static Result<Checkpoint> open(const char *path) noexcept {
        return detail::made<Checkpoint, awqm_checkpoint>(
            [&](awqm_checkpoint **out) { return awqm_checkpoint_open(path, out); });
    }
    static Result<Checkpoint> open_files(Span<const char *const> paths, const Config &config = Config()) noexcept {
        return detail::made<Checkpoint, awqm_checkpoint>([&](awqm_checkpoint **out) {
            return awqm_checkpoint_open_files(paths.data(), paths.size(), config.get(), out);
        });
    }
    /** One layer, or several joined along N. */
    Result<Packed> load(Span<const char *const> names, const awqm_load_options *options = nullptr) const noexcept {
        return detail::made<Packed, awqm_packed>([&](awqm_packed **out) {
            return awqm_checkpoint_load(get(), names.data(), names.size(), options, out);
        });
    }
    Result<Packed> load(const char *name, const awqm_load_options *options = nullptr) const noexcept {
        return load(Span<const char *const>(&name, 1), options);
    }
    std::size_t layer_count() const noexcept { return awqm_checkpoint_layer_count(get()); }
    Result<std::size_t> layer_name(std::size_t index, Span<char> text) const noexcept {
        return detail::counted([&](std::size_t *out) {
            return awqm_checkpoint_get_layer_name(get(), index, text.data(), text.size(), out);
        });
    }
    Result<awqm_layer_info> query_layer(const char *name) const noexcept {
        return detail::filled<awqm_layer_info>(
            [&](auto *out) { return awqm_checkpoint_query_layer(get(), name, out, nullptr, 0, nullptr); });
    }
    /** Borrowed: lives as long as this object. */
    Result<awqm_tensor_view> tensor(const char *name) const noexcept {
        return detail::filled<awqm_tensor_view>([&](auto *out) { return awqm_checkpoint_get_tensor(get(), name, out); });
    }
};

/** awqm_linear. */
class Linear : public Handle<awqm_linear, awqm_linear_free> {
public:
    using Handle::Handle;
    static Result<Linear> create(const Device &device, const Packed &packed,
                                 const awqm_linear_options *options = nullptr) noexcept {
        return detail::made<Linear, awqm_linear>(
            [&](awqm_linear **out) { return awqm_linear_create(device.get(), packed.get(), options, out); });
    }
    static Result<Linear> over_device_memory(const Device &device, const awqm_layer_desc &desc,
                                             const awqm_layer_tensors &tensors) noexcept {
        return detail::made<Linear, awqm_linear>(
            [&](awqm_linear **out) { return awqm_linear_create_from_device(device.get(), &desc, &tensors, out); });
    }
    Result<awqm_linear_info> info() const noexcept {
        return detail::filled<awqm_linear_info>([&](auto *out) { return awqm_linear_get_info(get(), out); });
    }
    Result<std::size_t> workspace_bytes(std::int64_t rows, awqm_dtype dtype) const noexcept {
        return detail::counted(
            [&](std::size_t *out) { return awqm_linear_workspace_bytes(get(), rows, dtype, out); });
    }
    Result<> run(const awqm_run_args &args, Span<unsigned char> workspace, void *stream = nullptr) const noexcept {
        return Result<>(awqm_linear_run(get(), &args, workspace.data(), workspace.size(), stream));
    }
};

/** awqm_plan. Keeps its layer alive. */
class Plan : public Handle<awqm_plan, awqm_plan_free> {
public:
    using Handle::Handle;
    static Result<Plan> create(const Linear &layer, const awqm_plan_options &options) noexcept {
        return detail::made<Plan, awqm_plan>(
            [&](awqm_plan **out) { return awqm_plan_create(layer.get(), &options, out); });
    }
    static Result<Plan> import_text(const Linear &layer, const char *text) noexcept {
        return detail::made<Plan, awqm_plan>(
            [&](awqm_plan **out) { return awqm_plan_import(layer.get(), text, out); });
    }
    Result<awqm_plan_info> info() const noexcept {
        return detail::filled<awqm_plan_info>([&](auto *out) { return awqm_plan_get_info(get(), out); });
    }
    Result<std::size_t> reason(Span<char> text) const noexcept {
        return detail::counted([&](std::size_t *out) { return awqm_plan_get_reason(get(), text.data(), text.size(), out); });
    }
    Result<std::size_t> export_text(Span<char> text) const noexcept {
        return detail::counted([&](std::size_t *out) { return awqm_plan_export(get(), text.data(), text.size(), out); });
    }
    Result<> run(const awqm_run_args &args, Span<unsigned char> workspace, void *stream = nullptr) const noexcept {
        return Result<>(awqm_plan_run(get(), &args, workspace.data(), workspace.size(), stream));
    }
};

/** Arguments of a run over dense rows: x [rows, K] and y [rows, N] of these types. */
inline awqm_run_args rows(const void *x, awqm_dtype x_dtype, void *y, awqm_dtype y_dtype, std::int64_t count) noexcept {
    awqm_run_args args = sized<awqm_run_args>();
    args.x = x;
    args.x_dtype = x_dtype;
    args.y = y;
    args.y_dtype = y_dtype;
    args.m = count;
    return args;
}

} // namespace awqm

#endif

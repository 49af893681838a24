/* A Godot 4 extension: class AwqMarlinLayer (of RefCounted), one linear layer of an AWQ checkpoint on the CPU.
 *
 *     open(directory: String, layer: String) -> String            "" or what went wrong
 *     run(x: PackedFloat32Array) -> PackedFloat32Array            rows of K numbers to rows of N; empty when that failed
 *     save_marlin(directory: String, layer: String, file: String) -> String
 *     error() -> String                                           what the last failure was
 *
 * Here is only Godot's side; the work is the library's. A layer may be run by several threads of Godot when each has an
 * object of its own. */
#include "godot_api.h"
#include <awq_marlin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

typedef struct layer {
    awqm_linear *linear;
    int64_t k, n;
    void *workspace;
    size_t workspace_bytes;
    int64_t rows; /* that the workspace is for */
    char error[1024];
} layer;

static godot_api godot;
static void *library;
static awqm_device *device;
static godot_destructor destroy[GODOT_PACKED_FLOAT32_ARRAY + 1];
static godot_builtin_method array_size, array_resize;

/* Hashes of the signatures of PackedFloat32Array.size() and .resize(int), as extension_api.json has them. */
static const int64_t size_hash = 3173160232, resize_hash = 848867239;

static godot_string_name name_of(const char *text) {
    godot_string_name name;
    godot.string_name_new_with_latin1_chars(&name, text, 0);
    return name;
}

/* A Godot string as UTF-8; freed by the caller. NULL: out of memory. */
static char *utf8(const void *string) {
    int64_t length = godot.string_to_utf8_chars(string, NULL, 0);
    char *text = malloc((size_t)length + 1);
    if (text) text[godot.string_to_utf8_chars(string, text, length)] = 0;
    return text;
}

/* Keeps the library's message and returns whether the call failed. */
static int failed(layer *self, awqm_status status) {
    if (status) snprintf(self->error, sizeof self->error, "%s", awqm_last_error_message());
    return status != AWQM_STATUS_OK;
}

static int fail(layer *self, const char *message) {
    snprintf(self->error, sizeof self->error, "%s", message);
    return 1;
}

/* --- methods: arguments and results are Godot values; a result is there and is replaced --- */

static void give_string(void *result, const char *text) {
    destroy[GODOT_STRING](result);
    godot.string_new_with_utf8_chars(result, text);
}

static int load(layer *self, const void *const *args, awqm_layout layout, awqm_packed **packed) {
    awqm_checkpoint *checkpoint = NULL;
    awqm_load_options options = {.struct_size = sizeof options, .layout = layout};
    char *directory = utf8(args[0]), *name = utf8(args[1]);
    int bad = !directory || !name ? fail(self, "out of memory")
                                  : failed(self, awqm_checkpoint_open(directory, &checkpoint)) ||
                                        failed(self, awqm_checkpoint_load(checkpoint, (const char *const *)&name, 1, &options, packed));
    awqm_checkpoint_free(checkpoint);
    free(directory);
    free(name);
    return bad;
}

static void method_open(layer *self, const void *const *args, void *result) {
    awqm_packed *packed = NULL;
    awqm_linear *linear = NULL;
    awqm_linear_info info = {.struct_size = sizeof info};
    self->error[0] = 0;
    if (!load(self, args, 0, &packed) && !failed(self, awqm_linear_create(device, packed, NULL, &linear)) &&
        !failed(self, awqm_linear_get_info(linear, &info))) {
        awqm_linear_free(self->linear);
        self->linear = linear;
        self->k = info.k;
        self->n = info.n;
        self->rows = 0;
    }
    awqm_packed_free(packed);
    give_string(result, self->error);
}

static int run(layer *self, const void *x, void *y) {
    int64_t length = 0, got = 0;
    array_size((void *)x, NULL, &length, 0); /* size() only reads */
    if (!self->linear) return fail(self, "no layer is open");
    if (length == 0 || length % self->k)
        return snprintf(self->error, sizeof self->error, "x has %lld numbers; rows of %lld are needed", (long long)length,
                        (long long)self->k);
    int64_t m = length / self->k, numbers = m * self->n;
    if (m > self->rows) {
        size_t bytes = 0;
        if (failed(self, awqm_linear_workspace_bytes(self->linear, m, AWQM_DTYPE_F32, &bytes))) return 1;
        void *more = realloc(self->workspace, bytes ? bytes : 1);
        if (!more) return fail(self, "out of memory");
        self->workspace = more;
        self->workspace_bytes = bytes;
        self->rows = m;
    }
    const void *arguments[] = {&numbers};
    array_resize(y, arguments, &got, 1);
    awqm_run_args args = {sizeof args, godot.packed_float32_array_operator_index_const(x, 0), AWQM_DTYPE_F32, AWQM_DTYPE_F32,
                          godot.packed_float32_array_operator_index(y, 0), m, 0, 0};
    return failed(self, awqm_linear_run(self->linear, &args, self->workspace, self->workspace_bytes, NULL));
}

static void method_run(layer *self, const void *const *args, void *result) {
    int64_t none = 0, got = 0;
    const void *arguments[] = {&none};
    self->error[0] = 0;
    if (run(self, args[0], result)) array_resize(result, arguments, &got, 1);
}

static void method_save_marlin(layer *self, const void *const *args, void *result) {
    awqm_packed *packed = NULL;
    self->error[0] = 0;
    if (!load(self, args, AWQM_LAYOUT_MARLIN, &packed)) {
        char *file = utf8(args[2]);
        if (!file) fail(self, "out of memory");
        else failed(self, awqm_packed_save(packed, file, "layer"));
        free(file);
    }
    awqm_packed_free(packed);
    give_string(result, self->error);
}

static void method_error(layer *self, const void *const *args, void *result) {
    (void)args;
    give_string(result, self->error);
}

/* --- the class --- */

static const char CLASS[] = "AwqMarlinLayer";
enum { MAX_ARGUMENTS = 3 };

typedef struct method {
    const char *name;
    void (*run)(layer *self, const void *const *args, void *result);
    int result, count;
    struct {
        const char *name;
        int type;
    } arguments[MAX_ARGUMENTS];
} method;

static const method METHODS[] = {
    {"open", method_open, GODOT_STRING, 2, {{"directory", GODOT_STRING}, {"layer", GODOT_STRING}}},
    {"run", method_run, GODOT_PACKED_FLOAT32_ARRAY, 1, {{"x", GODOT_PACKED_FLOAT32_ARRAY}}},
    {"save_marlin", method_save_marlin, GODOT_STRING, 3, {{"directory", GODOT_STRING}, {"layer", GODOT_STRING}, {"file", GODOT_STRING}}},
    {"error", method_error, GODOT_STRING, 0, {{NULL, 0}}},
};

/* The call of typed code: values as they are. */
static void call_typed(void *userdata, void *instance, const void *const *args, void *result) {
    ((const method *)userdata)->run(instance, args, result);
}

/* The call of a script: everything in variants. */
static void call_variants(void *userdata, void *instance, const void *const *args, int64_t count, void *result,
                          GDExtensionCallError *error) {
    const method *m = userdata;
    godot_packed_array values[MAX_ARGUMENTS], out; /* the largest of the types */
    const void *addresses[MAX_ARGUMENTS];
    error->error = count > m->count ? GODOT_CALL_TOO_MANY : count < m->count ? GODOT_CALL_TOO_FEW : GODOT_CALL_OK;
    error->expected = m->count;
    if (error->error) return;
    for (int i = 0; i < m->count; i++)
        if (godot.variant_get_type(args[i]) != m->arguments[i].type) {
            *error = (GDExtensionCallError){GODOT_CALL_INVALID_ARGUMENT, i, m->arguments[i].type};
            return;
        }
    for (int i = 0; i < m->count; i++) {
        godot.get_variant_to_type_constructor(m->arguments[i].type)(&values[i], (void *)args[i]);
        addresses[i] = &values[i];
    }
    godot.variant_get_ptr_constructor(m->result, 0)(&out, NULL);
    m->run(instance, addresses, &out);
    godot.get_variant_from_type_constructor(m->result)(result, &out);
    destroy[m->result](&out);
    for (int i = 0; i < m->count; i++) destroy[m->arguments[i].type](&values[i]);
}

static void *create_instance(void *userdata) {
    (void)userdata;
    layer *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    godot_string_name parent = name_of("RefCounted"), name = name_of(CLASS);
    void *object = godot.classdb_construct_object(&parent);
    godot.object_set_instance(object, &name, self);
    destroy[GODOT_STRING_NAME](&parent);
    destroy[GODOT_STRING_NAME](&name);
    return object;
}

static void free_instance(void *userdata, void *instance) {
    (void)userdata;
    layer *self = instance;
    awqm_linear_free(self->linear);
    free(self->workspace);
    free(self);
}

static void register_method(const void *class_name, const method *m) {
    godot_string_name name = name_of(m->name), nothing = name_of(""), names[MAX_ARGUMENTS];
    godot_string hint;
    godot.string_new_with_utf8_chars(&hint, "");
    GDExtensionPropertyInfo result = {m->result, &nothing, &nothing, 0, &hint, GODOT_USAGE_DEFAULT}, arguments[MAX_ARGUMENTS];
    int metadata[MAX_ARGUMENTS] = {0};
    for (int i = 0; i < m->count; i++) {
        names[i] = name_of(m->arguments[i].name);
        arguments[i] = (GDExtensionPropertyInfo){m->arguments[i].type, &names[i], &nothing, 0, &hint, GODOT_USAGE_DEFAULT};
    }
    GDExtensionClassMethodInfo info = {&name, (void *)m, call_variants, call_typed, GODOT_METHOD_NORMAL, 1, &result, 0,
                                       (uint32_t)m->count, arguments, metadata, 0, NULL};
    godot.classdb_register_extension_class_method(library, class_name, &info);
    for (int i = 0; i < m->count; i++) destroy[GODOT_STRING_NAME](&names[i]);
    destroy[GODOT_STRING](&hint);
    destroy[GODOT_STRING_NAME](&nothing);
    destroy[GODOT_STRING_NAME](&name);
}

static void initialize(void *userdata, int level) {
    (void)userdata;
    if (level != GODOT_LEVEL_SCENE) return;
    /* Godot's own threads are busy with the game; so one here, the one that calls run(). */
    awqm_cpu_options options = {.struct_size = sizeof options, .threads = 1};
    if (awqm_abi_version() != AWQM_ABI_VERSION || awqm_device_create_cpu(&options, &device)) return;

    godot_string_name size = name_of("size"), resize = name_of("resize"), parent = name_of("RefCounted"), name = name_of(CLASS);
    array_size = godot.variant_get_ptr_builtin_method(GODOT_PACKED_FLOAT32_ARRAY, &size, size_hash);
    array_resize = godot.variant_get_ptr_builtin_method(GODOT_PACKED_FLOAT32_ARRAY, &resize, resize_hash);
    if (array_size && array_resize) {
        GDExtensionClassCreationInfo2 info = {0};
        info.is_exposed = 1;
        info.create_instance_func = create_instance;
        info.free_instance_func = free_instance;
        godot.classdb_register_extension_class2(library, &name, &parent, &info);
        for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) register_method(&name, &METHODS[i]);
    }
    destroy[GODOT_STRING_NAME](&size);
    destroy[GODOT_STRING_NAME](&resize);
    destroy[GODOT_STRING_NAME](&parent);
    destroy[GODOT_STRING_NAME](&name);
}

static void deinitialize(void *userdata, int level) {
    (void)userdata;
    if (level != GODOT_LEVEL_SCENE || !device) return;
    godot_string_name name = name_of(CLASS);
    godot.classdb_unregister_extension_class(library, &name);
    destroy[GODOT_STRING_NAME](&name);
    awqm_device_free(device);
    device = NULL;
}

/* The entry symbol of awq_marlin.gdextension. */
EXPORT GDExtensionBool awq_marlin_godot_init(GDExtensionInterfaceGetProcAddress get_proc_address, void *extension,
                                             GDExtensionInitialization *out) {
    GDExtensionInterfaceFunctionPtr found;
    if (!get_proc_address || !out) return 0;
    library = extension;
#define GODOT_LOAD(result, name, parameters)                      \
    if (!(found = get_proc_address(#name))) return 0;             \
    memcpy(&godot.name, &found, sizeof found); /* of its own type */
    GODOT_FUNCTIONS(GODOT_LOAD)
    static const int types[] = {GODOT_STRING, GODOT_STRING_NAME, GODOT_PACKED_FLOAT32_ARRAY};
    for (int i = 0; i < 3; i++)
        if (!(destroy[types[i]] = godot.variant_get_ptr_destructor(types[i]))) return 0;
    *out = (GDExtensionInitialization){GODOT_LEVEL_SCENE, NULL, initialize, deinitialize};
    return 1;
}

/* A stand-in for Godot: hands over the functions of the interface, with values of its own, and counts what lives.
 * host EXTENSION ENTRY_SYMBOL FIXTURES OUT_FILE */
#include "../src/godot_api.h"
#include <awq_marlin.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #condition), exit(1)))

/* --- values --- */

static long alive; /* strings, names and arrays that were made and not destroyed */

typedef struct array { float *data; int64_t size; } array; /* in a godot_packed_array */
typedef struct variant { int64_t type; union { char *string; array floats; } as; } variant; /* in a godot_variant */

static void new_text(void *value, const char *text) { *(char **)value = strdup(text); alive++; }
static void string_name_new_with_latin1_chars(void *v, const char *t, GDExtensionBool s) { (void)s; new_text(v, t); }
static void string_new_with_utf8_chars(void *value, const char *text) { new_text(value, text); }
static int64_t string_to_utf8_chars(const void *value, char *text, int64_t capacity) {
    const char *from = *(char *const *)value;
    int64_t length = (int64_t)strlen(from);
    if (text) memcpy(text, from, (size_t)(length < capacity ? length : capacity));
    return length;
}
static void destroy_text(void *value) { free(*(char **)value); alive--; }
static void destroy_array(void *value) { free(((array *)value)->data); alive--; }
static godot_destructor variant_get_ptr_destructor(int type) {
    return type == GODOT_STRING || type == GODOT_STRING_NAME ? destroy_text : type == GODOT_PACKED_FLOAT32_ARRAY ? destroy_array : NULL;
}
static void make_string(void *value, const void *const *args) { (void)args; new_text(value, ""); }
static void make_array(void *value, const void *const *args) { (void)args; *(array *)value = (array){NULL, 0}; alive++; }
static godot_constructor variant_get_ptr_constructor(int type, int32_t index) {
    CHECK(index == 0);
    return type == GODOT_STRING ? make_string : make_array;
}
static void size_of(void *v, const void *const *args, void *r, int n) { (void)args; CHECK(n == 0); *(int64_t *)r = ((array *)v)->size; }
static void resize(void *value, const void *const *args, void *result, int count) {
    array *a = value;
    int64_t size = *(const int64_t *)args[0];
    CHECK(count == 1);
    a->data = realloc(a->data, (size_t)(size ? size : 1) * sizeof(float));
    for (int64_t i = a->size; i < size; i++) a->data[i] = 0;
    a->size = size;
    *(int64_t *)result = 0;
}
static godot_builtin_method variant_get_ptr_builtin_method(int type, const void *name, int64_t hash) {
    const char *text = *(char *const *)name;
    CHECK(type == GODOT_PACKED_FLOAT32_ARRAY);
    if (!strcmp(text, "size") && hash == 3173160232) return size_of;
    return !strcmp(text, "resize") && hash == 848867239 ? resize : NULL;
}
static float *packed_float32_array_operator_index(void *v, int64_t i) { CHECK(i < ((array *)v)->size); return ((array *)v)->data + i; }
static const float *packed_float32_array_operator_index_const(const void *v, int64_t i) { return packed_float32_array_operator_index((void *)v, i); }

static int variant_get_type(const void *value) { return (int)((const variant *)value)->type; }
static void copy_array(array *to, const array *from) {
    make_array(to, NULL);
    int64_t ignored;
    const void *args[] = {&from->size};
    resize(to, args, &ignored, 1);
    if (from->size) memcpy(to->data, from->data, (size_t)from->size * sizeof(float));
}
static void variant_of_string(void *v, void *from) { ((variant *)v)->type = GODOT_STRING; new_text(&((variant *)v)->as.string, *(char **)from); }
static void variant_of_array(void *v, void *from) { ((variant *)v)->type = GODOT_PACKED_FLOAT32_ARRAY; copy_array(&((variant *)v)->as.floats, from); }
static void string_of_variant(void *to, void *v) { new_text(to, ((variant *)v)->as.string); }
static void array_of_variant(void *to, void *v) { copy_array(to, &((variant *)v)->as.floats); }
static godot_from_type get_variant_from_type_constructor(int type) { return type == GODOT_STRING ? variant_of_string : variant_of_array; }
static godot_to_type get_variant_to_type_constructor(int type) { return type == GODOT_STRING ? string_of_variant : array_of_variant; }
static void destroy_variant(variant *v) {
    if (v->type == GODOT_STRING) destroy_text(&v->as.string);
    if (v->type == GODOT_PACKED_FLOAT32_ARRAY) destroy_array(&v->as.floats);
    v->type = 0;
}

/* --- the class database: one class with a few methods --- */

static struct {
    char *name, *parent;
    GDExtensionClassCreationInfo2 info;
    int methods;
    struct { char *name; GDExtensionClassMethodInfo info; int result, arguments[4]; } method[8];
} class;
static void *instance_of_last_object;
static char the_library, the_object;

static void classdb_register_extension_class2(void *lib, const void *name, const void *parent, const GDExtensionClassCreationInfo2 *info) {
    CHECK(lib == &the_library && !class.name && info->is_exposed && info->create_instance_func && info->free_instance_func);
    class.name = strdup(*(char *const *)name);
    class.parent = strdup(*(char *const *)parent);
    class.info = *info;
}
static void classdb_register_extension_class_method(void *lib, const void *name, const GDExtensionClassMethodInfo *info) {
    CHECK(lib == &the_library && !strcmp(*(char *const *)name, class.name) && info->has_return_value && info->argument_count < 4);
    int i = class.methods++;
    class.method[i].name = strdup(*(char *const *)info->name);
    class.method[i].info = *info;
    class.method[i].result = info->return_value_info->type;
    for (uint32_t a = 0; a < info->argument_count; a++) {
        CHECK(**(char *const *)info->arguments_info[a].name);
        class.method[i].arguments[a] = info->arguments_info[a].type;
    }
}
static void classdb_unregister_extension_class(void *lib, const void *name) {
    CHECK(lib == &the_library && !strcmp(*(char *const *)name, class.name));
    for (int i = 0; i < class.methods; i++) free(class.method[i].name);
    free(class.name);
    free(class.parent);
    memset(&class, 0, sizeof class);
}
static void *classdb_construct_object(const void *name) { CHECK(!strcmp(*(char *const *)name, "RefCounted")); return &the_object; }
static void object_set_instance(void *object, const void *name, void *instance) {
    CHECK(object == &the_object && !strcmp(*(char *const *)name, class.name));
    instance_of_last_object = instance;
}

static const char *missing; /* a function that this engine does not have */

static GDExtensionInterfaceFunctionPtr get_proc_address(const char *name) {
    if (missing && !strcmp(missing, name)) return NULL;
#define GIVE(result, function, parameters) \
    if (!strcmp(name, #function)) return (GDExtensionInterfaceFunctionPtr)function;
    GODOT_FUNCTIONS(GIVE)
    CHECK(!"a function that Godot has");
    return NULL;
}

/* --- calls as a script and as typed code make them --- */

static int find(const char *name) {
    for (int i = 0; i < class.methods; i++)
        if (!strcmp(class.method[i].name, name)) return i;
    CHECK(!"a method of that name");
    return -1;
}

static variant string(const char *text) { variant v = {GODOT_STRING, {NULL}}; new_text(&v.as.string, text); return v; }

static int call(void *instance, const char *name, variant *args, int count, variant *result) {
    const void *addresses[4];
    GDExtensionCallError error = {0, 0, 0};
    GDExtensionClassMethodInfo *info = &class.method[find(name)].info;
    for (int i = 0; i < count; i++) addresses[i] = &args[i];
    result->type = 0;
    info->call_func(info->method_userdata, instance, addresses, count, result, &error);
    return error.error;
}

static void expect_text(void *instance, const char *name, int count, const char **texts, const char *part) {
    variant args[4], result;
    for (int i = 0; i < count; i++) args[i] = string(texts[i]);
    CHECK(call(instance, name, args, count, &result) == GODOT_CALL_OK && result.type == GODOT_STRING);
    if (*part ? !strstr(result.as.string, part) : *result.as.string)
        fprintf(stderr, "%s: \"%s\"; \"%s\" is expected\n", name, result.as.string, part), exit(1);
    for (int i = 0; i < count; i++) destroy_variant(&args[i]);
    destroy_variant(&result);
}

static float half(uint16_t h) {
    int e = h >> 10 & 31;
    float v = e ? ldexpf((float)(1024 + (h & 1023)), e - 25) : ldexpf((float)(h & 1023), -24);
    return h >> 15 ? -v : v;
}

int main(int argc, char **argv) {
    CHECK(argc == 5);
    const char *layer = "model.layers.0.mlp.up_proj";
    char checkpoint[4096], expected[8192];
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint/llama2l_gemm", argv[3]);
    snprintf(expected, sizeof expected, "%s.expected.safetensors", checkpoint);

    void *extension = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL), *symbol;
    if (!extension) return fprintf(stderr, "%s\n", dlerror()), 1;
    CHECK((symbol = dlsym(extension, argv[2])));
    GDExtensionBool (*entry)(GDExtensionInterfaceGetProcAddress, void *, GDExtensionInitialization *);
    memcpy(&entry, &symbol, sizeof symbol);
    GDExtensionInitialization init;
    missing = "object_set_instance"; /* of an engine that is too old */
    CHECK(!entry(get_proc_address, &the_library, &init));
    missing = NULL;
    CHECK(entry(get_proc_address, &the_library, &init) && init.minimum_initialization_level == GODOT_LEVEL_SCENE);
    for (int level = init.minimum_initialization_level; level <= 3; level++) init.initialize(init.userdata, level);
    CHECK(class.name && !strcmp(class.name, "AwqMarlinLayer") && !strcmp(class.parent, "RefCounted") && class.methods == 4);

    CHECK(class.info.create_instance_func(class.info.class_userdata) == &the_object);
    void *object = instance_of_last_object;
    variant result, x = {GODOT_PACKED_FLOAT32_ARRAY, {NULL}};
    make_array(&x.as.floats, NULL);

    /* Errors: nothing open, no file, no layer, calls that do not fit. */
    CHECK(call(object, "run", &x, 1, &result) == GODOT_CALL_OK && result.as.floats.size == 0);
    destroy_variant(&result);
    expect_text(object, "error", 0, NULL, "no layer is open");
    expect_text(object, "open", 2, (const char *[]){"/nowhere", layer}, "/nowhere");
    expect_text(object, "open", 2, (const char *[]){checkpoint, "no.such.layer"}, "no.such.layer");
    CHECK(call(object, "run", &x, 0, &result) == GODOT_CALL_TOO_FEW && call(object, "error", &x, 1, &result) == GODOT_CALL_TOO_MANY);
    CHECK(call(object, "open", (variant[]){x, x}, 2, &result) == GODOT_CALL_INVALID_ARGUMENT);

    /* A layer, run and compared. */
    expect_text(object, "open", 2, (const char *[]){checkpoint, layer}, "");
    awqm_checkpoint *tensors = NULL;
    awqm_tensor_view in = {.struct_size = sizeof in}, out = {.struct_size = sizeof out};
    const char *path = expected;
    CHECK(!awqm_checkpoint_open_files(&path, 1, NULL, &tensors) && !awqm_checkpoint_get_tensor(tensors, "x_k256", &in) &&
          !awqm_checkpoint_get_tensor(tensors, "y.model.layers.0.mlp.up_proj", &out));
    int64_t numbers = 2 * 256, ignored;
    const void *size[] = {&numbers};
    resize(&x.as.floats, size, &ignored, 1);
    for (int i = 0; i < numbers; i++) {
        uint16_t bits;
        memcpy(&bits, (const char *)in.data + 2 * i, 2);
        x.as.floats.data[i] = half(bits);
    }
    CHECK(call(object, "run", &x, 1, &result) == GODOT_CALL_OK && result.as.floats.size == 2 * 512);
    for (int i = 0; i < 2 * 512; i++) {
        double want;
        memcpy(&want, (const char *)out.data + 8 * i, 8);
        CHECK(fabs(result.as.floats.data[i] - want) < 0.02);
    }

    /* The same by the typed call, into an array that is there. */
    array typed;
    make_array(&typed, NULL);
    const void *typed_args[] = {&x.as.floats};
    GDExtensionClassMethodInfo *run = &class.method[find("run")].info;
    run->ptrcall_func(run->method_userdata, object, typed_args, &typed);
    CHECK(typed.size == 2 * 512 && !memcmp(typed.data, result.as.floats.data, sizeof(float) * 2 * 512));
    destroy_variant(&result);
    numbers = 255; /* no whole row */
    resize(&x.as.floats, size, &ignored, 1);
    run->ptrcall_func(run->method_userdata, object, typed_args, &typed);
    CHECK(typed.size == 0);
    expect_text(object, "error", 0, NULL, "255 numbers");
    destroy_array(&typed);
    destroy_variant(&x);

    expect_text(object, "save_marlin", 3, (const char *[]){checkpoint, layer, argv[4]}, "");
    char inside[4096]; /* a file is no folder */
    snprintf(inside, sizeof inside, "%s/inside", argv[4]);
    expect_text(object, "save_marlin", 3, (const char *[]){checkpoint, layer, inside}, "marlin.safetensors");

    awqm_checkpoint_free(tensors);
    class.info.free_instance_func(class.info.class_userdata, object);
    for (int level = 3; level >= init.minimum_initialization_level; level--) init.deinitialize(init.userdata, level);
    CHECK(!class.name && alive == 0);
    dlclose(extension);
    puts("ok");
    return 0;
}

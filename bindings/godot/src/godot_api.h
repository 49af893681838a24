/* The part of Godot 4's extension interface that this extension uses: names and layouts are Godot's, for 64-bit builds in
 * single precision. An opaque Godot value is passed by its address. */
#ifndef AWQ_MARLIN_GODOT_API_H
#define AWQ_MARLIN_GODOT_API_H

#include <stdint.h>

typedef uint8_t GDExtensionBool;
typedef void (*GDExtensionInterfaceFunctionPtr)(void);
typedef GDExtensionInterfaceFunctionPtr (*GDExtensionInterfaceGetProcAddress)(const char *name);

enum { GODOT_STRING = 4, GODOT_STRING_NAME = 21, GODOT_PACKED_FLOAT32_ARRAY = 32 };
enum { GODOT_LEVEL_SCENE = 2 };
enum { GODOT_CALL_OK, GODOT_CALL_INVALID_METHOD, GODOT_CALL_INVALID_ARGUMENT, GODOT_CALL_TOO_MANY, GODOT_CALL_TOO_FEW };
enum { GODOT_METHOD_NORMAL = 1, GODOT_USAGE_DEFAULT = 6 };

/* Values of Godot's; how large they are is all that is known here. */
typedef struct { void *opaque; } godot_string;
typedef struct { void *opaque; } godot_string_name;
typedef struct { void *opaque[2]; } godot_packed_array;
typedef struct { uint64_t opaque[3]; } godot_variant;

typedef struct {
    int minimum_initialization_level;
    void *userdata;
    void (*initialize)(void *userdata, int level);
    void (*deinitialize)(void *userdata, int level);
} GDExtensionInitialization;

typedef struct { int error; int32_t argument; int32_t expected; } GDExtensionCallError;

typedef struct {
    int type;
    void *name;
    void *class_name;
    uint32_t hint;
    void *hint_string;
    uint32_t usage;
} GDExtensionPropertyInfo;

typedef void (*godot_call)(void *method, void *instance, const void *const *args, int64_t count, void *r_return,
                           GDExtensionCallError *r_error);
typedef void (*godot_ptrcall)(void *method, void *instance, const void *const *args, void *r_return);

typedef struct {
    void *name;
    void *method_userdata;
    godot_call call_func;
    godot_ptrcall ptrcall_func;
    uint32_t method_flags;
    GDExtensionBool has_return_value;
    GDExtensionPropertyInfo *return_value_info;
    int return_value_metadata;
    uint32_t argument_count;
    GDExtensionPropertyInfo *arguments_info;
    int *arguments_metadata;
    uint32_t default_argument_count;
    void **default_arguments;
} GDExtensionClassMethodInfo;

/* GDExtensionClassCreationInfo2; callbacks that stay NULL here are not spelled out. */
typedef struct {
    GDExtensionBool is_virtual, is_abstract, is_exposed;
    void *unused_properties[7];
    void *unused_notification, *unused_to_string, *unused_reference, *unused_unreference;
    void *(*create_instance_func)(void *class_userdata);
    void (*free_instance_func)(void *class_userdata, void *instance);
    void *unused_recreate, *unused_virtuals[3], *unused_rid;
    void *class_userdata;
} GDExtensionClassCreationInfo2;

/* Functions of the engine, under the names that get_proc_address knows. */
#define GODOT_FUNCTIONS(F)                                                                                            \
    F(void, string_name_new_with_latin1_chars, (void *name, const char *text, GDExtensionBool is_static))             \
    F(void, string_new_with_utf8_chars, (void *string, const char *text))                                             \
    F(int64_t, string_to_utf8_chars, (const void *string, char *text, int64_t capacity))                              \
    F(void, classdb_register_extension_class2,                                                                        \
      (void *library, const void *name, const void *parent, const GDExtensionClassCreationInfo2 *info))               \
    F(void, classdb_register_extension_class_method,                                                                  \
      (void *library, const void *class_name, const GDExtensionClassMethodInfo *info))                                \
    F(void, classdb_unregister_extension_class, (void *library, const void *name))                                    \
    F(void *, classdb_construct_object, (const void *class_name))                                                     \
    F(void, object_set_instance, (void *object, const void *class_name, void *instance))                              \
    F(godot_destructor, variant_get_ptr_destructor, (int type))                                                       \
    F(godot_constructor, variant_get_ptr_constructor, (int type, int32_t index))                                      \
    F(godot_builtin_method, variant_get_ptr_builtin_method, (int type, const void *name, int64_t hash))               \
    F(int, variant_get_type, (const void *variant))                                                                   \
    F(godot_from_type, get_variant_from_type_constructor, (int type))                                                 \
    F(godot_to_type, get_variant_to_type_constructor, (int type))                                                     \
    F(float *, packed_float32_array_operator_index, (void *array, int64_t index))                                     \
    F(const float *, packed_float32_array_operator_index_const, (const void *array, int64_t index))

typedef void (*godot_destructor)(void *value);
typedef void (*godot_constructor)(void *value, const void *const *args);
typedef void (*godot_builtin_method)(void *value, const void *const *args, void *r_return, int count);
typedef void (*godot_from_type)(void *variant, void *value);
typedef void (*godot_to_type)(void *value, void *variant);

#define GODOT_DECLARE(result, name, parameters) result(*name) parameters;
typedef struct godot_api {
    GODOT_FUNCTIONS(GODOT_DECLARE)
} godot_api;

#endif

/* What a quantization config says, and of which modules: 02_config DIR [MODULE...] */
#include <awq_marlin.h>
#include <stdio.h>

static int fail(void) {
    fprintf(stderr, "%s\n", awqm_last_error_message());
    return 1;
}

int main(int argc, char **argv) {
    awqm_config *config = NULL;
    awqm_config_info info = {.struct_size = sizeof info};
    char text[512];

    if (argc < 2) return fprintf(stderr, "usage: %s DIR [MODULE...]\n", argv[0]), 2;
    if (awqm_config_load_directory(argv[1], &config) || awqm_config_get_info(config, &info)) return fail();
    if (awqm_config_get_source(config, text, sizeof text, NULL)) return fail();

    printf("%s: %s, %u bits, group size %lld, %s, layout %s\n", text, awqm_method_name(info.method), (unsigned)info.bits,
           (long long)info.group_size, info.zero_point ? "zero points" : "symmetric", awqm_layout_name(info.layout));
    for (size_t i = 0; i < awqm_config_warning_count(config); i++) {
        if (awqm_config_get_warning(config, i, text, sizeof text, NULL)) return fail();
        printf("warning: %s\n", text);
    }
    for (int i = 2; i < argc; i++) {
        awqm_module_info module = {.struct_size = sizeof module};
        if (awqm_config_query_module(config, argv[i], &module, text, sizeof text, NULL)) return fail();
        printf("%s: %s (%s)\n", argv[i], module.quantized ? "quantized" : "skipped", text);
    }
    awqm_config_free(config);
    return 0;
}

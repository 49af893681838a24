/* awqm_config: every way in, what it says, and what is refused. */
#include "harness.h"

static awqm_config *parse(const char *json) {
    awqm_config *config = NULL;
    MUST(awqm_config_parse(json, strlen(json), NULL, &config));
    return config;
}

static void expect_awq(const awqm_config *config, int64_t group_size) {
    STRUCT(awqm_config_info, info);
    OK(awqm_config_get_info(config, &info));
    CHECK(info.method == AWQM_METHOD_AWQ);
    CHECK(info.bits == 4);
    CHECK(info.group_size == group_size);
    CHECK(info.zero_point == 1);
    CHECK(info.act_order == 0);
    CHECK(info.layout == AWQM_LAYOUT_AWQ_GEMM);
    CHECK(info.lm_head == 0);
    CHECK(info.struct_size == sizeof info);
}

static void a_directory(const char *fixtures) {
    char text[4096];
    STRUCT(awqm_module_info, module);
    awqm_config *config = NULL;

    MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/llama2l_gemm"), &config));
    expect_awq(config, 64);
    TEXT_PROTOCOL(text, awqm_config_get_source(config, buf, cap, out));
    CHECK(strstr(text, "config.json") != NULL);
    TEXT_PROTOCOL(text, awqm_config_to_json(config, buf, cap, out));
    CHECK(text[0] == '{' && strstr(text, "\"group_size\"") != NULL && strstr(text, "\"quant_method\"") != NULL);

    CHECK(awqm_config_skip_count(config) == 1);
    TEXT_PROTOCOL(text, awqm_config_get_skip(config, 0, buf, cap, out));
    CHECK(same_text(text, "self_attn.o_proj"));
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_config_get_skip(config, 1, NULL, 0, NULL));
    STATUS(AWQM_STATUS_NOT_FOUND, awqm_config_get_warning(config, SIZE_MAX, NULL, 0, NULL));

    OK(awqm_config_query_module(config, "model.layers.0.mlp.down_proj", &module, NULL, 0, NULL));
    CHECK(module.quantized == 1 && module.bits == 4 && module.group_size == 64 && module.zero_point == 1);
    CHECK(module.layout == AWQM_LAYOUT_AWQ_GEMM);
    TEXT_PROTOCOL(text, awqm_config_query_module(config, "model.layers.1.self_attn.o_proj", &module, buf, cap, out));
    CHECK(module.quantized == 0 && module.bits == 0);
    CHECK(strstr(text, "o_proj") != NULL); /* the reason names the entry */
    awqm_config_free(config);
}

static void side_files_and_dialects(const char *fixtures) {
    char text[4096];
    STRUCT(awqm_config_info, info);
    awqm_config *config = NULL;

    MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/dialects/quantize_config"), &config));
    expect_awq(config, 64);
    awqm_config_free(config);

    MUST(awqm_config_load_file(in_fixtures(fixtures, "checkpoint/dialects/quantize_config/quantize_config.json"), &config));
    expect_awq(config, 64);
    awqm_config_free(config);

    /* Two sources that disagree: config.json wins, and the config says so. */
    MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/dialects/conflict_config_vs_quantize_config"), &config));
    expect_awq(config, 64);
    CHECK(awqm_config_warning_count(config) > 0);
    TEXT_PROTOCOL(text, awqm_config_get_warning(config, 0, buf, cap, out));
    CHECK(text[0] != '\0');
    awqm_config_free(config);

    MUST(awqm_config_load_directory(in_fixtures(fixtures, "checkpoint/dialects/compressed_tensors_full_fields"), &config));
    OK(awqm_config_get_info(config, &info));
    CHECK(info.method == AWQM_METHOD_COMPRESSED_TENSORS && info.bits == 4 && info.group_size == 64 && info.zero_point == 1);
    CHECK(info.layout == AWQM_LAYOUT_COMPRESSED_TENSORS);
    awqm_config_free(config);

    CHECK(same_text(awqm_config_file_name(0), "config.json"));
    CHECK(awqm_config_file_name(1) != NULL);
    CHECK(awqm_config_file_name(100) == NULL);
}

static void from_memory(void) {
    static const char SECTION[] =
        "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128, \"zero_point\": true, \"version\": \"gemm\"}";
    static const char CHANNEL[] =
        "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": -1, \"zero_point\": true, \"version\": \"gemm\"}";
    static const char MIXED[] = "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128, \"zero_point\": true,"
                                "\"version\": \"gemm\", \"modules_to_not_convert\": [\"q_proj\"]}";
    STRUCT(awqm_module_info, module);
    awqm_config *config = parse(SECTION);
    expect_awq(config, 128);
    awqm_config_free(config);
    config = parse(CHANNEL);
    expect_awq(config, -1);
    awqm_config_free(config);

    /* A fused layer is answered from its members; when they differ the answer is an error that names them. */
    config = parse(MIXED);
    OK(awqm_config_query_module(config, "model.layers.0.mlp.gate_up_proj", &module, NULL, 0, NULL));
    CHECK(module.quantized == 1);
    STATUS(AWQM_STATUS_MIXED_FUSED,
           awqm_config_query_module(config, "model.layers.0.self_attn.qkv_proj", &module, NULL, 0, NULL));
    MESSAGE_HAS("q_proj");
    awqm_config_free(config);
}

static void refused(const char *fixtures) {
    static const char *const RAW[] = {"truncated", "array", "utf16", "non_utf8", "deep_array", "nul_byte", "section_list"};
    static const char *const WRONG[] = {"bits_3", "bits_huge", "bits_null", "group_0", "group_huge", "group_string", "method_number"};
    char name[128];
    size_t i;
    awqm_config *config = NULL;
    for (i = 0; i < sizeof RAW / sizeof RAW[0]; i++) {
        snprintf(name, sizeof name, "bad/config_raw/%s.json", RAW[i]);
        FAILS(awqm_config_load_file(in_fixtures(fixtures, name), &config));
        CHECK(strstr(awqm_last_error_message(), RAW[i]) != NULL); /* names the file */
    }
    for (i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        snprintf(name, sizeof name, "configs/%s.json", WRONG[i]);
        FAILS(awqm_config_load_file(in_fixtures(fixtures, name), &config));
        CHECK(strstr(awqm_last_error_message(), WRONG[i]) != NULL);
    }
    STATUS(AWQM_STATUS_UNSUPPORTED, awqm_config_load_file(in_fixtures(fixtures, "configs/bits_3.json"), &config));
    STATUS(AWQM_STATUS_MISSING, awqm_config_load_file(in_fixtures(fixtures, "no/such/file.json"), &config));
    STATUS(AWQM_STATUS_MISSING, awqm_config_load_directory(in_fixtures(fixtures, "no/such/folder"), &config));
    STATUS(AWQM_STATUS_JSON, awqm_config_parse("", 0, NULL, &config));
    STATUS(AWQM_STATUS_JSON, awqm_config_parse(NULL, 0, NULL, &config));
    STATUS(AWQM_STATUS_JSON, awqm_config_parse("{\"bits\": ", 9, "note.json", &config));
    MESSAGE_HAS("note.json");
    STATUS(AWQM_STATUS_INVALID_ARGUMENT, awqm_config_load_file("not \xff utf-8", &config));
    CHECK(config == NULL); /* outputs are written only on success */
}

static void run(const char *fixtures) {
    a_directory(fixtures);
    side_files_and_dialects(fixtures);
    from_memory();
    refused(fixtures);
    CHECK(awqm_config_warning_count(NULL) == 0);
    CHECK(awqm_config_skip_count(NULL) == 0);
    awqm_config_free(NULL);
}

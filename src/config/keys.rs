//! Fields that are known to mean nothing for the tensors: how the quantizer ran, or how one engine likes to load.
//! Anything that is neither here nor read by a parser is reported as unknown.

/// Read by the parsers of awq and gptq sections.
pub(super) const FLAT: &[&str] = &[
    "act_bits",
    "backend",
    "bits",
    "checkpoint_format",
    "data_type",
    "desc_act",
    "dynamic",
    "format",
    "group_size",
    "is_marlin_format",
    "lm_head",
    "method",
    "modules_in_block_to_quantize",
    "modules_to_not_convert",
    "pack_dtype",
    "q_group_size",
    "quant_method",
    "rotation",
    "sym",
    "version",
    "w_bit",
    "wbits",
    "zero_point",
];

/// transformers' `AwqConfig` and `GPTQConfig`: loading choices and calibration settings.
pub(super) const TRANSFORMERS: &[&str] = &[
    "batch_size",
    "block_name_to_quantize",
    "cache_block_outputs",
    "dataset",
    "disable_exllama",
    "do_fuse",
    "exllama_config",
    "fuse_max_seq_len",
    "max_input_length",
    "model_seqlen",
    "module_name_preceding_first_block",
    "modules_to_fuse",
    "pad_token_id",
    "tokenizer",
    "use_cuda_fp16",
    "use_exllama",
];

/// AutoGPTQ and GPTQModel: how the quantizer ran.
pub(super) const GPTQMODEL: &[&str] = &[
    "act_group_aware",
    "auto_forward_data_parallel",
    "compute_device_filter",
    "damp_auto_increment",
    "damp_percent",
    "device",
    "fail_safe",
    "failsafe",
    "gc_mode",
    "gptaq",
    "hessian",
    "hyb_act",
    "meta",
    "model_file_base_name",
    "model_name_or_path",
    "moe",
    "mse",
    "offload_to_disk",
    "offload_to_disk_path",
    "pack_impl",
    "parallel_packing",
    "static_groups",
    "true_sequential",
    "v2",
    "v2_alpha",
    "vram_strategy",
];

/// AutoRound: how the quantizer ran.
pub(super) const AUTOROUND: &[&str] = &[
    "act_data_type",
    "act_dynamic",
    "act_group_size",
    "act_sym",
    "amp",
    "autoround_version",
    "dynamic_max_gap",
    "enable_minmax_tuning",
    "enable_norm_bias_tuning",
    "enable_quanted_input",
    "gradient_accumulate_steps",
    "iters",
    "low_gpu_mem_usage",
    "lr",
    "lr_scheduler",
    "minmax_lr",
    "not_use_best_mse",
    "nsamples",
    "packing_format",
    "quant_block_list",
    "sampler",
    "scale_dtype",
    "seqlen",
    "super_bits",
    "super_group_size",
    "supported_types",
    "to_quant_block_names",
    "train_bs",
];

/// Fields of one entry of GPTQModel's `dynamic`.
pub(super) const DYNAMIC: &[&str] =
    &["bits", "desc_act", "group_size", "q_group_size", "sym", "w_bit", "wbits", "zero_point"];

/// Top level of a compressed-tensors section.
pub(super) const COMPRESSED_TENSORS: &[&str] = &[
    "config_groups",
    "format",
    "global_compression_ratio",
    "ignore",
    "kv_cache_scheme",
    "method",
    "moe_sparsity_config",
    "quant_method",
    "quantization_status",
    "run_compressed",
    "sparsity_config",
    "transform_config",
    "version",
];

/// One config group of compressed-tensors.
pub(super) const GROUP: &[&str] =
    &["format", "input_activations", "output_activations", "targets", "weights"];

/// The `weights` of a config group.
pub(super) const WEIGHTS: &[&str] = &[
    "actorder",
    "block_structure",
    "dynamic",
    "group_size",
    "num_bits",
    "observer",
    "observer_kwargs",
    "scale_dtype",
    "strategy",
    "symmetric",
    "type",
    "zp_dtype",
];

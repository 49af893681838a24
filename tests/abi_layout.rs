//! Size and offsets of every public struct: the same in C, in Rust, and in the committed table.
#![allow(dead_code)]

#[path = "abi/mod.rs"]
mod abi;

use std::fmt::Write;

use fancy_regex::Regex;

/// The structs of the header with their fields, in order.
fn structs() -> Vec<(String, Vec<String>)> {
    let body = Regex::new(r"(?s)typedef struct (\w+) \{(.*?)\} \1;").unwrap();
    let field = Regex::new(r"(\w+)\s*(?:\[\w+\])?;").unwrap();
    let names = |body: &str| field.captures_iter(body).map(|c| c.unwrap()[1].to_owned()).collect();
    let header = abi::header();
    body.captures_iter(&header).map(|c| c.unwrap()).map(|c| (c[1].to_owned(), names(&c[2]))).collect()
}

/// One line `struct size alignment` and one `  field offset size` for each field, as the C compiler has them.
fn as_c_sees_it() -> String {
    let mut program = String::from(
        "#include <stdio.h>\n#include <stddef.h>\n#include \"awq_marlin.h\"\nint main(void) {\n",
    );
    for (name, fields) in structs() {
        writeln!(program, "printf(\"{name} %zu %zu\\n\", sizeof({name}), _Alignof({name}));").unwrap();
        for f in fields {
            writeln!(
                program,
                "printf(\"  {f} %zu %zu\\n\", offsetof({name}, {f}), sizeof((({name} *)0)->{f}));"
            )
            .unwrap();
        }
    }
    program.push_str("return 0; }\n");
    abi::run_c(&program)
}

fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($($module:ident :: $name:ident { $($field:ident),* $(,)? })*) => {
        /// The same lines from the Rust definitions.
        fn as_rust_sees_it() -> String {
            let mut text = String::new();
            $(
                use awq_marlin::abi::$module::$name;
                let (size, align) = (size_of::<$name>(), align_of::<$name>());
                writeln!(text, "{} {size} {align}", stringify!($name)).unwrap();
                $(
                    let (offset, size) = (std::mem::offset_of!($name, $field), size_of_field(|s: &$name| &s.$field));
                    writeln!(text, "  {} {offset} {size}", stringify!($field)).unwrap();
                )*
            )*
            text
        }
    };
}

layout! {
    allocator::awqm_allocator { struct_size, alloc, release, user_data }
    device::awqm_cpu_options { struct_size, threads, isa, parallel, user_data }
    device::awqm_device_info {
        struct_size, backend, ordinal, threads, isa, capability, multiprocessors, memory_bytes, name,
        bandwidth_gbps,
    }
    cuda::awqm_cuda_options { struct_size, ordinal, flags, context, tuning }
    cuda::awqm_cuda_info {
        struct_size, available, device_count, driver_version, needed_driver_version, images,
    }
    config::awqm_config_info { struct_size, method, bits, group_size, zero_point, act_order, layout, lm_head }
    config::awqm_module_info { struct_size, quantized, bits, group_size, zero_point, layout }
    checkpoint::awqm_layer_info {
        struct_size, quantized, bits, k, n, group_size, zero_point, layout, scale_dtype, has_bias,
    }
    tensors::awqm_tensor_view { struct_size, data, bytes, dtype, rank, shape }
    checkpoint::awqm_load_options { struct_size, layout, tp_dim, tp_rank, tp_world, device }
    packed::awqm_layer_desc {
        struct_size, k, n, bits, zero_point, group_size, layout, scale_dtype, bias_dtype, reserved,
    }
    packed::awqm_layer_tensors {
        struct_size, qweight, qweight_bytes, scales, scales_bytes, qzeros, qzeros_bytes, bias, bias_bytes,
    }
    packed::awqm_packed_info {
        struct_size, k, n, padded_k, padded_n, bits, zero_point, group_size, padded_group, groups, layout,
        scale_dtype, bias_dtype, has_bias, bytes,
    }
    repack::awqm_repack_sizes {
        struct_size, padded_k, padded_n, padded_group, groups, qweight_bytes, scales_bytes, qzeros_bytes,
    }
    cuda_plan::awqm_capability_info {
        struct_size, supported, multiprocessors, bandwidth_gbps, shared_bytes, architecture, products, typical, tflops,
    }
    cuda_plan::awqm_cuda_plan_options {
        struct_size, capability, multiprocessors, bandwidth_gbps, k, n, m, bits, zero_point, group_size,
        scale_dtype, dtype, kernel, flags, tuning,
    }
    cuda_plan::awqm_cuda_plan_info {
        struct_size, kernel, multiprocessors, bandwidth_gbps, tiles, splits, slice_tiles, block, grid_x,
        grid_y, grid_z, block_rows, workspace_bytes, counter_bytes, bytes_moved, operations, floor_us,
        products_floor_us, predicted_us, dense_predicted_us, prefers_dense, batch_invariant, shared_bytes, code,
    }
    linear::awqm_linear_options { struct_size, compute, flags }
    linear::awqm_linear_info { struct_size, k, n, layout, bits, group_size, has_bias, backend, bytes }
    linear::awqm_run_args { struct_size, x, x_dtype, y_dtype, y, m, x_stride, y_stride }
    plan::awqm_plan_options { struct_size, kernel, dtype, m, flags, reserved }
    plan::awqm_plan_info {
        struct_size, kernel, backend, isa, dtype, m, n, k, group_size, block_rows, tasks, workspace_bytes,
        bytes_moved, operations, tiles, splits, grid_x, grid_y, grid_z, block_threads, floor_us, products_floor_us,
        predicted_us, dense_predicted_us, prefers_dense, batch_invariant, shared_bytes, code,
    }
    calibrator::awqm_calibrator_options { struct_size, max_bytes, rows, skip_not_finite, reserved }
    calibrator::awqm_calibrator_info { struct_size, layers, bytes, max_bytes, rows }
    calibrator::awqm_calibrator_layer_info {
        struct_size, k, rows, rows_kept, not_finite, reserved, bad_row, bad_channel,
    }
    quantize::awqm_progress { struct_size, stage, layer, index, count, bytes_done, bytes_total }
    quantize::awqm_quantize_options {
        struct_size, bits, symmetric, group_size, layout, range_rule, skip, skip_count, max_shard_bytes,
        device, progress, user_data, overwrite, reserved,
    }
    quantizer::awqm_quantizer_options {
        struct_size, mode, bits, symmetric, layout, group_size, range_rule, overwrite, skip, skip_count,
        max_shard_bytes, resume, skip_not_finite, architecture, device, progress, user_data,
    }
    quantizer::awqm_quantizer_info { struct_size, groups, groups_done, layers, layers_kept, architecture }
    quantizer::awqm_group_info { struct_size, layers, k, n, scaled, done, name, block }
    quantize::awqm_quantize_report { struct_size, layers_quantized, layers_kept, bytes_before, bytes_after }
}

/// The blocks of a table, sorted: the order of structs in the header is nobody's business.
fn sorted(table: &str) -> String {
    let mut blocks: Vec<String> = Vec::new();
    for line in table.lines() {
        if !line.starts_with(' ') {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("a struct's line comes first");
        block.push_str(line);
        block.push('\n');
    }
    blocks.sort();
    blocks.concat()
}

#[test]
fn c_and_rust_agree() {
    let (c, rust) = (sorted(&as_c_sees_it()), sorted(&as_rust_sees_it()));
    assert_eq!(
        c, rust,
        "a struct of the header is missing from the list in tests/abi_layout.rs, or laid out differently"
    );
}

#[test]
fn every_struct_starts_with_its_size() {
    let structs = structs();
    assert!(structs.len() > 10, "only {} structs found in the header", structs.len());
    for (name, fields) in structs {
        assert_eq!(fields.first().map(String::as_str), Some("struct_size"), "{name}");
    }
}

/// Padding would go out uninitialised, and a field could later be put into it without a larger struct_size.
#[test]
fn no_struct_has_padding() {
    let table = as_rust_sees_it();
    // The struct at hand, its size, and where the last field ended.
    let (mut name, mut size, mut end) = ("none", 0, 0);
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (first, second): (usize, usize) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        if line.starts_with(' ') {
            assert_eq!(first, end, "{name} has a hole before {}", words[0]);
            end = first + second;
        } else {
            assert_eq!(end, size, "{name} has a tail of padding");
            (name, size, end) = (words[0], first, 0);
        }
    }
    assert_eq!(end, size, "{name} has a tail of padding");
}

#[test]
fn the_layout_is_the_committed_one() {
    abi::compare_or_bless("tests/abi/layout.txt", &sorted(&as_c_sees_it()));
}

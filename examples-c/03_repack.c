/* AWQ weights to the Marlin layout in the caller's own buffers, as an engine with its own allocator does it:
 * query the sizes, allocate, repack. 03_repack DIR LAYER */
#include <awq_marlin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(void) {
    fprintf(stderr, "%s\n", awqm_last_error_message());
    return 1;
}

/* A tensor of the mapped checkpoint, such as model.layers.0.mlp.up_proj.qweight. */
static awqm_status tensor(const awqm_checkpoint *ckpt, const char *layer, const char *suffix, awqm_tensor_view *view) {
    char name[512];
    snprintf(name, sizeof name, "%s.%s", layer, suffix);
    view->struct_size = sizeof *view;
    return awqm_checkpoint_get_tensor(ckpt, name, view);
}

int main(int argc, char **argv) {
    awqm_checkpoint *ckpt = NULL;
    awqm_layer_info info = {.struct_size = sizeof info};
    awqm_tensor_view qweight, scales, qzeros;
    awqm_layer_desc desc;
    awqm_layer_tensors in;
    awqm_repack_sizes sizes = {.struct_size = sizeof sizes};

    if (argc != 3) return fprintf(stderr, "usage: %s DIR LAYER\n", argv[0]), 2;
    if (awqm_checkpoint_open(argv[1], &ckpt)) return fail();
    if (awqm_checkpoint_query_layer(ckpt, argv[2], &info, NULL, 0, NULL)) return fail();
    if (info.layout != AWQM_LAYOUT_AWQ_GEMM || !info.zero_point)
        return fprintf(stderr, "%s is in layout %s; this example reads gemm\n", argv[2], awqm_layout_name(info.layout)), 1;
    if (tensor(ckpt, argv[2], "qweight", &qweight) || tensor(ckpt, argv[2], "scales", &scales) ||
        tensor(ckpt, argv[2], "qzeros", &qzeros))
        return fail();

    memset(&desc, 0, sizeof desc);
    desc.struct_size = sizeof desc;
    desc.k = info.k;
    desc.n = info.n;
    desc.bits = info.bits;
    desc.zero_point = info.zero_point;
    desc.group_size = info.group_size;
    desc.layout = info.layout;
    desc.scale_dtype = info.scale_dtype;

    memset(&in, 0, sizeof in);
    in.struct_size = sizeof in;
    in.qweight = qweight.data;
    in.qweight_bytes = qweight.bytes;
    in.scales = scales.data;
    in.scales_bytes = scales.bytes;
    in.qzeros = qzeros.data;
    in.qzeros_bytes = qzeros.bytes;

    if (awqm_repack_query(&desc, AWQM_LAYOUT_MARLIN, &sizes)) return fail();
    void *marlin_qweight = malloc(sizes.qweight_bytes);
    void *marlin_scales = malloc(sizes.scales_bytes);
    void *marlin_qzeros = malloc(sizes.qzeros_bytes);
    if (!marlin_qweight || !marlin_scales || !marlin_qzeros) return fprintf(stderr, "out of memory\n"), 1;
    if (awqm_repack(&desc, &in, AWQM_LAYOUT_MARLIN, marlin_qweight, sizes.qweight_bytes, marlin_scales, sizes.scales_bytes,
                    marlin_qzeros, sizes.qzeros_bytes, NULL))
        return fail();

    printf("%s: %lld x %lld, stored as %lld x %lld; first word %08x\n", argv[2], (long long)info.k, (long long)info.n,
           (long long)sizes.padded_k, (long long)sizes.padded_n, *(unsigned *)marlin_qweight);
    free(marlin_qweight);
    free(marlin_scales);
    free(marlin_qzeros);
    awqm_checkpoint_free(ckpt);
    return 0;
}

/* One layer of an AWQ checkpoint on the CPU: cc 01_linear.c -lawq_marlin && ./a.out DIR LAYER */
#include <awq_marlin.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    awqm_checkpoint *ckpt = NULL; awqm_device *cpu = NULL; awqm_packed *packed = NULL; awqm_linear *layer = NULL;
    awqm_linear_info info = {.struct_size = sizeof info};
    const char *name = argc > 2 ? argv[2] : "model.layers.0.self_attn.q_proj";
    size_t bytes = 0;
    if (awqm_device_create_cpu(NULL, &cpu) || awqm_checkpoint_open(argc > 1 ? argv[1] : ".", &ckpt) ||
        awqm_checkpoint_load(ckpt, &name, 1, NULL, &packed) || awqm_linear_create(cpu, packed, NULL, &layer) ||
        awqm_linear_get_info(layer, &info) || awqm_linear_workspace_bytes(layer, 1, AWQM_DTYPE_F32, &bytes))
        return fprintf(stderr, "%s\n", awqm_last_error_message()), 1;
    float *x = calloc(info.k, sizeof *x), *y = calloc(info.n, sizeof *y);
    void *workspace = malloc(bytes);
    for (int64_t k = 0; k < info.k; k++) x[k] = 1.0f;
    awqm_run_args run = {sizeof run, x, AWQM_DTYPE_F32, AWQM_DTYPE_F32, y, 1, 0, 0};
    if (awqm_linear_run(layer, &run, workspace, bytes, NULL)) return fprintf(stderr, "%s\n", awqm_last_error_message()), 1;
    printf("%s: K %lld, N %lld; x all ones, y[0] = %g\n", name, (long long)info.k, (long long)info.n, y[0]);
    free(x); free(y); free(workspace);
    awqm_linear_free(layer); awqm_packed_free(packed); awqm_checkpoint_free(ckpt); awqm_device_free(cpu);
    return 0;
}

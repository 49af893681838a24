/* awqm: looks at, quantizes, repacks, runs and measures AWQ checkpoints, through the library's C header
 * alone. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "common.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} COMMANDS[] = {
    {"info", command_info, "devices and kernels: what is available, and why not"},
    {"inspect", command_inspect, "a checkpoint's dialect, config and layers"},
    {"quantize", command_quantize, "a checkpoint to 4 or 8 bits"},
    {"repack", command_repack, "one layer into another layout"},
    {"convert", command_convert, "a whole checkpoint into another layout"},
    {"run", command_run, "one layer on an input"},
    {"verify", command_verify, "every layer against a float64 reference"},
    {"bench", command_bench, "latency of one layer, kernel by kernel"},
    {"generate", command_generate, "text from a prompt"},
    {"perplexity", command_perplexity, "how well a model predicts a text"},
};
enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static void print_usage(FILE *out) {
    fputs("usage: awqm COMMAND [ARGUMENT]...\n\ncommands:\n", out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-12s%s\n", COMMANDS[i].name, COMMANDS[i].summary);
    fputs("\n`awqm COMMAND --help` lists the options. Every command takes --json.\n"
          "Exit code: 0 done, 1 the work failed, 2 wrong usage.\n",
          out);
}

int main(int argc, char **argv) {
    if (awqm_abi_version() != AWQM_ABI_VERSION) {
        fail("the library found has ABI %u, this program was built for %u (%s)", (unsigned)awqm_abi_version(),
             (unsigned)AWQM_ABI_VERSION, awqm_build_info());
    }
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts(awqm_build_info());
        return EXIT_DONE;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) != 0) continue;
        int code = COMMANDS[i].run(argc - 1, argv + 1);
        if (fflush(stdout) != 0) fail("standard output could not be written");
        return code;
    }
    fprintf(stderr, "awqm: no such command: %s\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}

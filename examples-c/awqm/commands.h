/* The subcommands, one file each. Each gets argv from its own name on and returns the exit code. */
#ifndef AWQM_TOOL_COMMANDS_H
#define AWQM_TOOL_COMMANDS_H

int command_info(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_quantize(int argc, char **argv);
int command_repack(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_run(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_generate(int argc, char **argv);
int command_perplexity(int argc, char **argv);

#endif

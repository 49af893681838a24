#!/usr/bin/env python3
"""Tokens a second of a whole model, this library's small engine beside llama.cpp on the file that the model came from.

    model.py [--threads 1,2] [--prompt 512] [--answer 128] [--rounds 3] [-o RESULT.md]

The model is SmolLM2-135M (scripts/get_model.sh), quantized by scripts/demo.sh; llama-bench was built by setup.sh. The two
take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import machine
import report

CACHE = os.path.join(machine.ROOT, ".cache")
AWQM = os.path.join(machine.ROOT, "target", "awqm")
LLAMA = os.path.join(CACHE, "peers", "llama", "bin", "llama-bench")
GOAL = 1.25
# What is run, and how the engine is told.
OURS = {
    "ours, exact": ["--compute", "exact"],
    "ours, exact, head in 8 bits": ["--compute", "exact", "--head-bits", "8"],
    "ours, int8, head in 8 bits": ["--compute", "int8", "--head-bits", "8"],
}


def output(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def llama(gguf, threads, prompt, answer):
    command = [LLAMA, "-m", gguf, "-p", str(prompt), "-n", str(answer), "-t", str(threads), "-r", "1", "-o", "json"]
    found = json.loads(output(command))
    rate = {"prompt": next(r for r in found if r["n_prompt"]), "answer": next(r for r in found if r["n_gen"])}
    return {what: r["avg_ts"] for what, r in rate.items()}, found[0]


def ours(model, how, threads, prompt, answer):
    command = [AWQM, "generate", model, "--bench", "--prompt-tokens", str(prompt), "--tokens", str(answer), "--repeat", "1"]
    found = json.loads(output([*command, "--threads", str(threads), "--json", *how]))
    return {"prompt": found["prompt_tokens_per_second"], "answer": found["tokens_per_second"]}


def measure(args):
    """Rates by name and threads, round by round."""
    rates, about = {}, {}
    for _ in range(args.rounds):
        for threads in args.threads:
            found, about = llama(args.gguf, threads, args.prompt, args.answer)
            rates.setdefault(("llama.cpp", threads), []).append(found)
            for name, how in OURS.items():
                rates.setdefault((name, threads), []).append(ours(args.model, how, threads, args.prompt, args.answer))
    middle = {
        f"{name}|{threads}": {what: statistics.median(r[what] for r in rounds) for what in ("prompt", "answer")}
        for (name, threads), rounds in rates.items()
    }
    return {
        "about": machine.about(), "load": round(os.getloadavg()[0], 2), "rounds": args.rounds, "prompt": args.prompt,
        "answer": args.answer, "threads": args.threads, "llama": {k: about[k] for k in ("build_commit", "model_type")},
        "tokens_per_second": middle,
    }  # fmt: skip


def markdown(result):
    rates, threads = result["tokens_per_second"], result["threads"]
    head = ["tokens/s", *(f"{what}, {t} thread{'s' if t > 1 else ''}" for t in threads for what in ("prompt", "answer"))]
    rows = []
    for name in ["llama.cpp", *OURS]:
        row = [name]
        for t in threads:
            for what in ("prompt", "answer"):
                rate, peer = rates[f"{name}|{t}"][what], rates[f"llama.cpp|{t}"][what]
                row.append(f"{rate:.0f}" if name == "llama.cpp" else f"{rate:.0f} ({rate / peer:.2f}×)")
        rows.append(row)
    about = result["about"]
    return "\n".join(
        [
            f"# SmolLM2-135M beside llama.cpp, {about['date']}",
            "",
            f"{about['cpu']} ({' '.join(about['flags'])}), {about['cores']} cores; commit {about['commit']}; load average {result['load']}.",
            f"A prompt of {result['prompt']} tokens, an answer of {result['answer']}; medians of {result['rounds']} rounds in turn. "
            f"llama.cpp runs the GGUF ({result['llama']['model_type']}) that the model came from; ours is 4 bits in groups of 32. "
            f"The goal is {GOAL}×.",
            "",
            report.table(head, rows),
            "",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=lambda v: [int(t) for t in v.split(",")], default=[1, 2])
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--answer", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default=os.path.join(CACHE, "smollm2-135m-awq"))
    parser.add_argument("--gguf", default=os.path.join(CACHE, "smollm2-135m.Q4_1.gguf"))
    parser.add_argument("-o", "--output", default="-", help="a .md file; the figures go beside it as .json")
    args = parser.parse_args()
    result = measure(args)
    if args.output == "-":
        return sys.stdout.write(markdown(result))
    with open(args.output, "w") as out:
        out.write(markdown(result))
    with open(args.output.removesuffix(".md") + ".json", "w") as out:
        json.dump(result, out, indent=1)
        out.write("\n")
    print(f"wrote {args.output}")


if __name__ == "__main__":
    main()

"""The machine: what it is, what it can do at most, and what else ran on it."""

import datetime
import json
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TICK = os.sysconf("SC_CLK_TCK")
# Of a core: others that use more spoil a measurement.
QUIET = 0.15
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimddp", "i8mm", "bf16")


def field(path, name):
    with open(path) as lines:
        for line in lines:
            if line.split(":")[0].strip() == name:
                return line.split(":", 1)[1].strip()
    return ""


def about():
    """What figures cannot be compared without."""
    cpu = "/proc/cpuinfo"
    flags = field(cpu, "flags").split() or field(cpu, "Features").split()
    git = ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "cpu": field(cpu, "model name") or os.uname().machine,
        "family": f"{field(cpu, 'cpu family')}/{field(cpu, 'model')}",
        "flags": [f for f in FLAGS if f in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(field("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        "commit": commit,
    }


def peaks(threads):
    """The yardsticks of benches/matmul.rs, one row for each number of threads. $MATMUL_BENCH is that program, built."""
    built = os.environ.get("MATMUL_BENCH")
    program = [built] if built else ["cargo", "bench", "--quiet", "--bench", "matmul", "--"]
    command = [*program, "--peaks", ",".join(map(str, threads))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def busy():
    """Ticks that all processes of the machine have used, what a hypervisor took included."""
    with open("/proc/stat") as stat:
        user, nice, system, _, _, irq, soft, steal = map(int, stat.readline().split()[1:9])
    return user + nice + system + irq + soft + steal


def used_by(pids):
    """Ticks of some processes, dead threads included."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except FileNotFoundError:
            pass
    return ticks


class Others:
    """How much of a core processes other than `pids` use between two looks."""

    def __init__(self, pids):
        self.pids = pids
        self.start = self.look()

    def look(self):
        return os.times().elapsed, busy() - used_by(self.pids)

    def cores(self):
        (t0, b0), (t1, b1) = self.start, self.look()
        return max(0.0, (b1 - b0) / TICK / max(t1 - t0, 1 / TICK))

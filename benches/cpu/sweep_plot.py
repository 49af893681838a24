"""The sweep as a picture: for each mode a row of maps, K against N, one map for each number of rows; then group sizes."""

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 8, "svg.hashsalt": "sweep"})

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

MOST_MAPS = 6
NAMES = {"f32": "exact, f32", "f16": "exact, fp16", "bf16": "exact, bf16", "int8": "int8"}


def shade(ax, table, rows, columns, colours):
    """One map; empty places stay grey."""
    image = ax.imshow(np.ma.masked_invalid(table), cmap=colours, vmin=0, vmax=100, aspect="auto", origin="lower")
    ax.set_facecolor("#dddddd")
    ax.set_xticks(range(len(columns)), [str(c) for c in columns], rotation=90)
    ax.set_yticks(range(len(rows)), [str(r) for r in rows])
    ax.tick_params(length=0)
    for i in range(len(rows)):
        for j in range(len(columns)):
            if np.isfinite(table[i, j]):
                value = table[i, j]
                ax.text(j, i, f"{value:.0f}", ha="center", va="center", size=5.5, color="white" if value < 55 else "black")
    return image


def grid(cells, rows, columns, row_of, column_of):
    table = np.full((len(rows), len(columns)), np.nan)
    for c in cells:
        if row_of(c) in rows and column_of(c) in columns:
            table[rows.index(row_of(c)), columns.index(column_of(c))] = 100 * c["share"]
    return table


def spread(values, count):
    """So many of the values, first and last among them."""
    if len(values) <= count:
        return values
    return sorted({values[round(i * (len(values) - 1) / (count - 1))] for i in range(count)})


def draw(cells, path):
    threads = min(c["threads"] for c in cells)
    cells = [c for c in cells if c["threads"] == threads]
    modes = [m for m in NAMES if any(c["mode"] == m for c in cells)]
    maps = [c for c in cells if c["group"] == 128]
    several = {(c["k"], c["n"]) for c in cells if c["group"] != 128}
    sizes = sorted({v for c in maps for v in (c["k"], c["n"]) if (c["k"], c["n"]) not in several or c["k"] == c["n"]})
    of_mode = [{c["m"] for c in maps if c["mode"] == mode and (c["k"], c["n"]) not in several} for mode in modes]
    common = set.intersection(*of_mode) or set.union(*of_mode)
    ms = spread(sorted(common), MOST_MAPS)
    shapes = sorted(several, key=lambda s: (s[0] * s[1], s))
    grouped = [m for m in modes if any(c["mode"] == m and c["group"] != 128 for c in cells)]
    tall = len(modes) + len(grouped)
    figure, axes = plt.subplots(tall, max(len(ms), len(shapes)), figsize=(13, 2.35 * tall + 0.6), squeeze=False, layout="constrained")
    for row, mode in enumerate(modes):
        for column, ax in enumerate(axes[row]):
            if column >= len(ms):
                ax.axis("off")
                continue
            some = [c for c in maps if c["mode"] == mode and c["m"] == ms[column]]
            table = grid(some, sizes, sizes, lambda c: c["k"], lambda c: c["n"])
            image = shade(ax, table, sizes, sizes, "viridis")
            ax.set_title(f"{NAMES[mode]}, M = {ms[column]}")
            if column == 0:
                ax.set_ylabel("K")
            if row == len(modes) - 1:
                ax.set_xlabel("N")
    every_m = sorted({c["m"] for c in cells if c["group"] != 128})
    groups = sorted({c["group"] for c in cells}, key=lambda g: g if g > 0 else 1 << 30)
    for row, mode in enumerate(grouped):
        for column, ax in enumerate(axes[len(modes) + row]):
            if column >= len(shapes):
                ax.axis("off")
                continue
            some = [c for c in cells if c["mode"] == mode and (c["k"], c["n"]) == shapes[column]]
            shade(ax, grid(some, groups, every_m, lambda c: c["group"], lambda c: c["m"]), groups, every_m, "viridis")
            ax.set_title(f"{NAMES[mode]}, {shapes[column][0]}x{shapes[column][1]}")
            ax.set_xlabel("M")
            if column == 0:
                ax.set_ylabel("group size")
    about = cells[-1]["about"]
    figure.colorbar(image, ax=axes, shrink=0.4, label="% of the floor (100: memory or the products are the limit)")
    figure.suptitle(
        f"Share of the machine's floor, {threads} thread{'s' if threads > 1 else ''}: {about['cpu']}, {about['date']}, commit {about['commit']}; grey: not taken"
    )
    figure.savefig(path, metadata={"Date": None})

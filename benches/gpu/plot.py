"""Draws time against M as SVG, with nothing but Python's own library."""

import math
from xml.etree import ElementTree
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 50, 50
COLOURS = ["#1b6ca8", "#d1495b", "#66a182", "#8d6a9f", "#edae49", "#3d3d3d"]


class Axis:
    """A logarithmic axis from pixel to pixel."""

    def __init__(self, low, high, start, end):
        self.low, self.high, self.start, self.end = low, high, start, end

    def at(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low) if self.high > self.low else 0.5
        return self.start + share * (self.end - self.start)


def text(x, y, words, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def line(x1, y1, x2, y2, colour, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def curve(points, colour, dashes=""):
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline class="series" points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def series_of(result, k, n):
    """Curves by name, each a list of (m, microseconds); the roof is one of them."""
    series = {}
    for r in result["rows"]:
        if (r["k"], r["n"]) != (k, n):
            continue
        series.setdefault(r["peer"], []).append((r["m"], r["us"]))
        if r.get("roof_us"):
            series.setdefault("roof", []).append((r["m"], r["roof_us"]))
    return {name: sorted(set(points)) for name, points in series.items()}


def time_against_rows(result, k, n):
    """The picture of one shape."""
    series = series_of(result, k, n)
    ms = sorted({m for points in series.values() for m, _ in points})
    times = [us for points in series.values() for _, us in points]
    x = Axis(ms[0], ms[-1], LEFT, WIDTH - RIGHT)
    decades = range(math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))) + 1)
    y = Axis(10.0 ** decades[0], 10.0 ** max(decades[-1], decades[0] + 1), HEIGHT - BOTTOM, TOP)
    title = f"{result.get('gpu', 'unknown GPU')}, {result.get('dtype', '')}, K {k}, N {n}, 4 bits, groups of 128"
    if result.get("simulated"):
        title = "SIMULATED, NOT MEASURED: " + title
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(LEFT, 24, title, size=14),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "M, rows of activations", "middle"),
        text(10, TOP - 10, "microseconds"),
    ]
    for m in ms:
        out += [line(x.at(m), TOP, x.at(m), HEIGHT - BOTTOM, "#eeeeee"), text(x.at(m), HEIGHT - BOTTOM + 18, str(m), "middle", 10)]
    for decade in decades:
        us = 10.0**decade
        out += [line(LEFT, y.at(us), WIDTH - RIGHT, y.at(us), "#dddddd"), text(LEFT - 8, y.at(us) + 4, f"{us:g}", "end", 10)]
    for i, (name, points) in enumerate(sorted(series.items())):
        colour = "#999999" if name == "roof" else COLOURS[i % len(COLOURS)]
        out.append(curve([(x.at(m), y.at(us)) for m, us in points], colour, "6 4" if name == "roof" else ""))
        top = TOP + 20 * i
        out += [line(WIDTH - RIGHT + 20, top, WIDTH - RIGHT + 45, top, colour, 2), text(WIDTH - RIGHT + 52, top + 4, name)]
    return "\n".join(out + ["</svg>", ""])


def check(picture, series, points):
    """Fails unless the picture is XML with so many curves, the longest of so many points, all inside."""
    root = ElementTree.fromstring(picture)
    curves = [e for e in root.iter() if e.get("class") == "series"]
    assert len(curves) == series, f"{len(curves)} curves"
    lengths = []
    for e in curves:
        places = [tuple(map(float, place.split(","))) for place in e.get("points").split()]
        assert all(LEFT <= px <= WIDTH - RIGHT and TOP <= py <= HEIGHT - BOTTOM for px, py in places), places
        # Time goes up with the rows, so the curves go up: y falls.
        assert all(a[0] < b[0] for a, b in zip(places, places[1:])), "rows in order"
        lengths.append(len(places))
    assert max(lengths) == points, lengths
    words = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert any("SIMULATED" in (word or "") for word in words), "simulated input is named as such"

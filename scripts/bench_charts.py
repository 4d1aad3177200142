# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's charts, as SVG."""
import math
from xml.sax.saxutils import escape

from bench_rows import CURVES, PEERS, SECTIONS, number

COLOURS = {"ours": "#1b7837", "stock": "#762a83", "type1": "#9e9e9e"}
GRID, TEXT, FAINT = "#e0e0e0", "#222", "#666"

# The overview: (heading, [(words, key of a row)])
OVERVIEW = [
    ("Map 64 MiB", [
        ("4 KiB pages, contiguous", ("iommufd", "anon-4k", "map")),
        ("4 KiB pages, scattered", ("iommufd", "anon-4k-scattered", "map")),
        ("transparent huge pages", ("iommufd", "anon-thp", "map")),
        ("hugetlbfs", ("iommufd", "hugetlb", "map")),
        ("memfd, 4 KiB pages", ("iommufd", "memfd-4k", "map")),
        ("memfd by file, 4 KiB pages", ("iommufd", "memfd-4k-file", "map")),
        ("hugetlbfs by file", ("iommufd", "memfd-hugetlb-file", "map")),
    ]),
    ("Unmap 64 MiB", [
        ("4 KiB pages, contiguous", ("iommufd", "anon-4k", "unmap")),
        ("4 KiB pages, scattered", ("iommufd", "anon-4k-scattered", "unmap")),
        ("transparent huge pages", ("iommufd", "anon-thp", "unmap")),
        ("the same, scattered", ("iommufd", "anon-thp-scattered", "unmap")),
        ("memfd by file, 4 KiB pages", ("iommufd", "memfd-4k-file", "unmap")),
    ]),
    ("Share what is mapped, 64 MiB", [
        ("second HWPT, 4 KiB pages", ("iommufd", "second-hwpt-4k", "alloc")),
        ("second HWPT, huge pages", ("iommufd", "second-hwpt-thp", "alloc")),
        ("IOMMU_IOAS_COPY, 4 KiB pages", ("iommufd", "copy-4k", "copy")),
        ("IOMMU_IOAS_COPY, huge pages", ("iommufd", "copy-thp", "copy")),
        ("the same, scattered", ("iommufd", "copy-thp-scattered", "copy")),
        ("replace the IOAS, huge pages", ("iommufd", "replace-thp", "ioas")),
        ("detach one of two HWPTs, 4 KiB pages",
         ("iommufd", "detach-4k", "detach")),
    ]),
    ("One page at a time", [
        ("map and unmap", ("iommufd", "single", "pair")),
        ("among 100 thousand areas", ("iommufd", "areas-100k", "pair")),
        ("map at an automatic IOVA, 1k areas",
         ("iommufd", "areas-1k", "map-auto")),
        ("automatic IOVA, 1 million areas",
         ("iommufd", "areas-1m", "map-auto")),
    ]),
    ("In the kernel (mock IOMMU)", [
        ("dirty bitmap, 1 page of 512", ("mock", "dirty-4k", "sparse")),
        ("dirty bitmap, every page", ("mock", "dirty-4k", "all")),
        ("pin 64 MiB by 64 KiB", ("mock", "pin-4k", "pin 64 KiB")),
        ("read 8 bytes", ("mock", "rw-4k", "read 8 B")),
        ("read 1 MiB", ("mock", "rw-4k", "read 1 MiB")),
    ]),
]


class Canvas:
    """Collects elements."""

    def __init__(self):
        self.body = []

    def text(self, x, y, words, size=11, anchor="start", colour=TEXT, more=""):
        """@words at their base line."""
        self.body.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
            f'text-anchor="{anchor}" fill="{colour}"{more}>{escape(words)}</text>')

    def bar(self, x, y, width, height, colour):
        """A filled rectangle."""
        self.body.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                         f'height="{height:.1f}" fill="{colour}"/>')

    def line(self, points, colour, width=1.0):
        """A line through @points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.body.append(f'<polyline points="{path}" fill="none" '
                         f'stroke="{colour}" stroke-width="{width}"/>')

    def dot(self, x, y, colour):
        """A point of a line."""
        self.body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" '
                         f'fill="{colour}"/>')

    def legend(self, x, y, names):
        """names: [(peer, words)]"""
        for peer, words in names:
            self.bar(x, y - 10, 12, 12, COLOURS[peer])
            self.text(x + 17, y, words)
            x += 40 + 6.2 * len(words)

    def svg(self, width, height):
        """The whole."""
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height:.0f}" viewBox="0 0 {width} {height:.0f}" '
            'font-family="Helvetica, Arial, sans-serif">',
            '<rect width="100%" height="100%" fill="white"/>',
            *self.body, "</svg>\n"])


def overview(rows):
    """How many times fewer instructions ours takes, on a logarithmic scale."""
    value = {row.key(): row.value for row in rows}
    ratios = [value[key][peer] / value[key]["ours"]
              for _, lines in OVERVIEW for _, key in lines if key in value
              for peer in value[key] if value[key].get("ours")]
    low = min([0.5, *ratios]) / 1.3
    high = max([10, *ratios]) * 1.6
    left, width, bar = 250, 560, 9
    canvas = Canvas()

    def x_of(ratio):
        ratio = max(ratio, low)
        return left + width * math.log(ratio / low) / math.log(high / low)

    canvas.text(10, 22, "How many times fewer instructions than ...", 15)
    canvas.legend(left, 44, [("stock", "the kernel's own iommufd"),
                             ("type1", "VFIO type1")])
    top = y = 62
    bars = Canvas()
    for heading, lines in OVERVIEW:
        lines = [(words, value[key]) for words, key in lines
                 if value.get(key, {}).get("ours") and len(value[key]) > 1]
        if not lines:
            continue
        y += 18
        bars.text(10, y, heading, 12, more=' font-weight="bold"')
        y += 7
        for words, peers in lines:
            have = [peer for peer in ("stock", "type1") if peer in peers]
            bars.text(left - 8, y + bar * len(have) / 2 + 4, words, 11, "end")
            for peer in have:
                ratio = peers[peer] / peers["ours"]
                start, end = sorted((x_of(1), x_of(ratio)))
                bars.bar(start, y, max(end - start, 1), bar - 1, COLOURS[peer])
                digits = 0 if ratio >= 10 else 1 if ratio >= 2 else 2
                words_x = end + 3 if ratio >= 1 else start - 3
                bars.text(words_x, y + bar - 1.5, f"{ratio:,.{digits}f}", 9,
                          "start" if ratio >= 1 else "end", FAINT)
                y += bar
            y += 5
    mark = 10.0 ** math.ceil(math.log10(low))
    while mark < high:
        canvas.line([(x_of(mark), top), (x_of(mark), y)], GRID)
        canvas.text(x_of(mark), y + 14, f"{mark:,g}x",
                    10, "middle", FAINT)
        mark *= 10
    canvas.line([(x_of(1), top), (x_of(1), y)], TEXT)
    canvas.text(x_of(1) - 6, top + 6, "slower", 10, "end", FAINT)
    canvas.text(x_of(1) + 6, top + 6, "faster", 10, "start", FAINT)
    canvas.body += bars.body
    return canvas.svg(left + width + 20, y + 24)


def scale(low, high):
    """Marks of a logarithmic axis that holds both, [(value, words)]."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, (last - first + 4) // 5)
    return [10.0 ** n for n in range(first, last + step, step)]


def short(value):
    """10, 1k, 10M"""
    for factor, letter in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:g}"


def plot(canvas, x, y, width, height, curve, points):
    """One curve of each peer; points: [(x, name of x, row)]."""
    values = [v for _, _, row in points for v in row.value.values() if v > 0]
    marks = scale(min(values), max(values))
    low, high = marks[0], marks[-1]
    first, last = points[0][0], points[-1][0]

    def place(at, value):
        value = max(value, low)
        return (x + width * math.log(at / first) / math.log(last / first),
                y + height - height * math.log(value / low)
                / math.log(high / low))

    canvas.text(x - 36, y - 20, curve.title, 11, more=' font-weight="bold"')
    canvas.text(x - 36, y - 7, f"instructions {points[0][2].unit}", 10,
                colour=FAINT)
    for mark in marks:
        at = place(first, mark)[1]
        canvas.line([(x, at), (x + width, at)], GRID)
        canvas.text(x - 5, at + 3, short(mark), 9, "end", FAINT)
    for at, name, _ in points:
        canvas.text(place(at, low)[0], y + height + 14, name, 9, "middle", FAINT)
    # Ours on top of the others.
    for peer in reversed(PEERS):
        line = [place(at, row.value[peer]) for at, _, row in points
                if peer in row.value]
        if line:
            canvas.line(line, COLOURS[peer], 2)
        for point in line:
            canvas.dot(*point, COLOURS[peer])


def curves(rows):
    """A small chart for each curve, both axes logarithmic."""
    by_key = {row.key(): row for row in rows}
    columns, width, height, left, top = 3, 225, 120, 55, 100
    canvas = Canvas()
    canvas.text(10, 22, "Cost as the work grows", 15)
    canvas.text(195, 22, "flat: linear. By number of HWPTs, which share the "
                "figure: a slope of 1 is.", 11, colour=FAINT)
    canvas.legend(10, 46, list(PEERS.items()))
    drawn = 0
    for curve in CURVES:
        points = [(x, name, by_key[key]) for x, name, key in curve.points
                  if by_key.get(key) and by_key[key].value]
        if len(points) < 2:
            continue
        plot(canvas, left + drawn % columns * (width + 65),
             top + drawn // columns * (height + 70), width, height, curve,
             points)
        drawn += 1
    lines = -(-drawn // columns)
    return canvas.svg(left + columns * (width + 65) - 40,
                      top + lines * (height + 70) - 40)


def all_rows(rows):
    """Bars of each row, as a share of the largest peer's."""
    bar, gap, left, width, y = 9, 8, 430, 420, 70
    canvas = Canvas()
    canvas.text(10, 24, "Instructions per 4 KiB page or per call; bytes where it "
                "says so. Fewer is better.", 15)
    canvas.legend(left, 54, list(PEERS.items()))
    for row in rows:
        longest = max(row.value.values())
        have = [peer for peer in PEERS if peer in row.value]
        if len(have) < 2 or not longest or row.section == "threads":
            continue
        canvas.text(left - 10, y + len(have) * bar / 2 + 4,
                    f"{SECTIONS[row.section].split(',')[0]}: {row.part}: "
                    f"{row.title}", 9, "end")
        for peer in have:
            length = max(1, row.value[peer] / longest * width)
            canvas.bar(left, y, length, bar - 1, COLOURS[peer])
            canvas.text(left + length + 4, y + bar - 1,
                        number(row.value[peer]), 8, colour=FAINT)
            y += bar
        y += gap
    return canvas.svg(left + width + 80, y + 10)

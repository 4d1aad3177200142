# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmark's rows and curves are; for bench-table and its charts."""
import math

TOLERANCE = 0.01  # two results that differ by less are the same

SECTIONS = {
    "iommufd": "/dev/iommu, 64 MiB",
    "large": "/dev/iommu, 1 GiB",
    "container": "the VFIO container, 64 MiB",
    "mock": "mock IOMMU driver (IOMMUFD_TEST)",
    "memory": "kernel memory, bytes",
    "sizes": "by size",
    "threads": "two threads",
}
PEERS = {"ours": "ours", "stock": "kernel's own", "type1": "VFIO type1"}


class Row:
    """One row of the table, with a value for each peer that has it."""

    def __init__(self, section, case, part, unit, title):
        self.section, self.case, self.part = section, case, part
        self.unit, self.title = unit, title
        self.value = {}
        self.unsteady = set()

    def key(self):
        """What it is known by."""
        return self.section, self.case, self.part

    def more_is_better(self):
        """Is it a throughput?"""
        return self.section == "threads" and not self.unit.startswith("ns")

    def better_peer(self):
        """The value that ours is measured against, or None."""
        best = max if self.more_is_better() else min
        return best((v for k, v in self.value.items() if k != "ours"),
                    default=None)

    def ratio(self):
        """How many times better ours is, or None."""
        peer, ours = self.better_peer(), self.value.get("ours")
        # A small difference of two times is mostly noise
        if peer is None or not ours or self.unit.startswith("ns"):
            return None
        return ours / peer if self.more_is_better() else peer / ours

    def text(self, peer):
        """The value of @peer; "~" marks one that did not repeat."""
        mark = "~" if peer in self.unsteady and self.section != "threads" else ""
        return mark + number(self.value.get(peer))


def number(value):
    """With three digits or more."""
    if value is None:
        return "-"
    return f"{value:,.{0 if value >= 1000 else 1 if value >= 10 else 2}f}"


class Curve:
    """Rows whose work grows."""

    LIMIT = 1.05    # steeper is superlinear; a tree's log(n) is below

    def __init__(self, title, axis, points, only=False, total=False):
        self.title, self.axis = title, axis
        self.points = points    # [(x, name of x, key of the row)]
        self.only = only        # its rows are in no other table
        self.total = total      # they are the cost of all x, not of each

    def exponent(self, line):
        """The cost is @line, [(x, cost)]: as which power of x does the cost of
        all work grow? The steepest of the whole line and of any two steps in a
        row; a single one may be a threshold."""
        def power(one, other):
            if one[1] <= 0 or other[1] <= 0:
                return 0
            slope = math.log(other[1] / one[1]) / math.log(other[0] / one[0])
            return slope if self.total else 1 + slope

        return max([power(line[0], line[-1])]
                   + [power(*pair) for pair in zip(line, line[2:])])


SIZES = [("2 MiB", 2, "2m"), ("16 MiB", 16, "16m"), ("128 MiB", 128, "128m"),
         ("1 GiB", 1024, "1g"), ("8 GiB", 8192, "8g")]
AREAS = [("1", 1, "1"), ("100", 100, "100"), ("1k", 1000, "1k"),
         ("16k", 16000, "16k"), ("100k", 100000, "100k"),
         ("1M", 1000000, "1m")]
HWPTS = [(str(n), n, str(n)) for n in (1, 2, 4, 8)]


def _sizes(kind, part):
    return [(x, name, ("sizes", f"size-{case}-{kind}", part))
            for name, x, case in SIZES]


def _areas(part):
    return [(x, name, ("iommufd", f"areas-{case}", part))
            for name, x, case in AREAS]


def _hwpts(kind, part):
    return [(x, name, ("iommufd", f"hwpts-{case}-{kind}", part))
            for name, x, case in HWPTS]


CURVES = [
    Curve("map 4 KiB pages at once", "memory", _sizes("4k", "map"), True),
    Curve("unmap 4 KiB pages", "memory", _sizes("4k", "unmap"), True),
    Curve("map huge pages at once", "memory", _sizes("thp", "map"), True),
    Curve("unmap huge pages", "memory", _sizes("thp", "unmap"), True),
    Curve("unmap and map a page among areas", "areas", _areas("pair")),
    Curve("automatic IOVA for a page among areas", "areas",
          _areas("map-auto")),
    Curve("map 64 MiB, 4 KiB pages, into HWPTs", "HWPTs",
          _hwpts("4k", "map"), True, True),
    Curve("unmap 64 MiB, 4 KiB pages, from HWPTs", "HWPTs",
          _hwpts("4k", "unmap"), True, True),
    Curve("map 64 MiB, huge pages, into HWPTs", "HWPTs",
          _hwpts("thp", "map"), True, True),
    Curve("unmap 64 MiB, huge pages, from HWPTs", "HWPTs",
          _hwpts("thp", "unmap"), True, True),
    Curve("map and unmap one page in HWPTs", "HWPTs", _hwpts("4k", "pair"),
          True, True),
]

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""cover_report.py REASONS SOURCE < GCOV-JSON: which lines of iommufd ran.

Reads what gcov --json-format --stdout says, one object file a line, and prints
for every file of drivers/iommu/iommufd how many of its lines and functions ran,
and every line that did not, with the reason that REASONS gives for it. Those
that only exist for tests are in a table of their own. Fails when a function
never ran and not all of its lines have a reason, or when fewer than 95 % of the
lines did. A line that did not run this time, and has no reason, does not fail:
what threads reach depends on chance.
"""
import collections
import json
import re
import sys

DIRECTORY = "drivers/iommu/iommufd/"
GOAL = 95.0
TESTS = re.compile(r"(selftest.*|.*_test|test_hooks|iommufd_test)\.[ch]$")


class File:
    """What is known of one source file."""

    def __init__(self):
        self.lines = collections.Counter()
        self.owner = {}
        self.functions = collections.Counter()
        self.starts = {}

    def add(self, record):
        """Add what one object file has of it: headers are in several."""
        for line in record["lines"]:
            number = line["line_number"]
            self.lines[number] += line["count"]
            self.owner.setdefault(number, line.get("function_name", ""))
        for function in record["functions"]:
            name = function["name"]
            # Parts that the compiler made of a function count as it does.
            name = re.sub(r"\.(constprop|part|isra|cold)\..*", "", name)
            self.functions[name] += function["execution_count"]
            self.starts[name] = function["start_line"], function["end_line"]

    def function_at(self, number):
        """The function that a line stands in, also where it was inlined."""
        for name, (start, end) in self.starts.items():
            if start <= number <= end:
                return name
        return self.owner.get(number, "")

    def missed(self):
        """The numbers of the lines that never ran."""
        return sorted(n for n, count in self.lines.items() if not count)


class Reasons:
    """Why lines cannot run here: "FILE FUNCTION REGEX" and the reason below."""

    def __init__(self, path):
        self.entries = []
        with open(path, encoding="utf-8") as file:
            for line in file:
                if not line.strip() or line.startswith("#"):
                    continue
                if line[0].isspace():
                    self.entries[-1]["why"] += [line.strip()]
                    continue
                name, function, pattern = line.rstrip("\n").split(None, 2)
                self.entries.append({"file": name, "function": function,
                                     "pattern": re.compile(pattern),
                                     "why": [], "used": False,
                                     "text": line.strip()})

    def find(self, name, function, text):
        """The reason of a line, or nothing."""
        for entry in self.entries:
            if (entry["file"], entry["function"]) == (name, function) and \
                    entry["pattern"].search(text):
                entry["used"] = True
                return " ".join(entry["why"])
        return None


def percent(part, whole):
    """Part of whole, for a table; rounded down, so that 100 is all."""
    return int(1000 * part / whole) / 10 if whole else 100.0


def table(title, files):
    """Print the figures of some files; return ran, all, called, functions."""
    total = [0, 0, 0, 0]
    print(f"{title:<24} {'lines':>6} {'ran':>6} {'%':>6} "
          f"{'functions':>10} {'called':>7}")
    for name, file in sorted(files.items()):
        row = [len(file.lines) - len(file.missed()), len(file.lines),
               sum(1 for n in file.functions.values() if n),
               len(file.functions)]
        total = [a + b for a, b in zip(total, row)]
        print(f"{name:<24} {row[1]:6} {row[0]:6} {percent(row[0], row[1]):6} "
              f"{row[3]:10} {row[2]:7}")
    print(f"{'total':<24} {total[1]:6} {total[0]:6} "
          f"{percent(total[0], total[1]):6} {total[3]:10} {total[2]:7}")
    print()
    return total


def main():
    """Read, print, judge."""
    reasons = Reasons(sys.argv[1])
    files = collections.defaultdict(File)
    for text in sys.stdin:
        for record in json.loads(text)["files"]:
            _, ours, name = record["file"].rpartition(DIRECTORY)
            if ours:
                files[name].add(record)
    if not files:
        sys.exit("no counters of " + DIRECTORY)
    ours = {n: f for n, f in files.items() if not TESTS.search(n)}
    tests = {n: f for n, f in files.items() if TESTS.search(n)}
    table("for tests alone", tests)
    ran, lines, called, functions = table("iommufd", ours)
    bad = 0

    unexplained = 0
    for name, file in sorted(ours.items()):
        with open(f"{sys.argv[2]}/{DIRECTORY}{name}", encoding="utf-8") as f:
            source = f.read().split("\n")
        last = None
        unexcused = set()
        for number in file.missed():
            text = source[number - 1].strip()
            function = file.function_at(number) or "-"
            why = reasons.find(name, function, text)
            if why is None:
                unexplained += 1
                unexcused.add(function)
                why = "NO REASON GIVEN"
            if (name, function, why) != last:
                print(f"{name}:{function}: {why}")
                last = name, function, why
            print(f"  {number:5}  {text}")
        for function, count in file.functions.items():
            if not count and function in unexcused:
                bad += 1
                print(f"FAILED: {name}:{function} was never called")
            elif not count:
                print(f"note: {name}:{function} was never called")
    for entry in reasons.entries:
        if not entry["used"]:
            print(f"note: no line needs the reason '{entry['text']}'")
    if percent(ran, lines) < GOAL:
        bad += 1
        print(f"FAILED: fewer than {GOAL} % of the lines ran")
    print(f"{percent(ran, lines)} % of {lines} lines ran, "
          f"{called} of {functions} functions were called, "
          f"{unexplained} lines did not run for no reason given")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()

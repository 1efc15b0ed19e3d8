"""Two programs in one run: each measurement of the old one has one of the new one beside it.

What a loaded machine does to both cancels out in the ratio of neighbours, which take turns in going first. The
figure is the median of the ratios new / old; above 1 the new program is slower, or does less, or takes more.
"""
import statistics

ALLOWED = 1.05          # of the old program's figure, by the median of the pairs
FIELDS = ["what", "shape", "old", "new", "ratio", "low", "high"]


def order(turn):
    return ("old", "new") if turn % 2 == 0 else ("new", "old")


class Pairs:
    """Figures of both programs by (what, shape); smaller is better."""

    def __init__(self):
        self.found = {}

    def measure(self, turn, shape, measure_one):
        """`measure_one` of "old" and "new" returns {what: figure}."""
        figures = {name: measure_one(name) for name in order(turn)}
        for what, value in figures["old"].items():
            self.found.setdefault((what, shape), []).append((value, figures["new"][what]))

    def table(self):
        rows = []
        for (what, shape), pairs in self.found.items():
            ratios = sorted(new / old for old, new in pairs)
            rows.append({"what": what, "shape": shape,
                         "old": round(statistics.median(old for old, _ in pairs), 2),
                         "new": round(statistics.median(new for _, new in pairs), 2),
                         "ratio": round(statistics.median(ratios), 3),
                         "low": round(ratios[len(ratios) // 4], 3), "high": round(ratios[3 * len(ratios) // 4], 3)})
        return rows


def verdicts(rows):
    return [(row["ratio"] <= ALLOWED, f"{row['shape']}: {row['what']}: {row['ratio']:g} of the old program's "
                                      f"(at most {ALLOWED:g})") for row in rows]

"""Seconds to make a page from a folder of results, of the clock and of the processor, and its megabytes.

Run: python benchmarks/report.py FOLDER ... (results of mueca compare; the targets are for at least 25 cells)
The first page of a process pays for imports, the second does not.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from recording import recording

from pipelines.reporting.report import Options, write_report
from pipelines.results.load import load_results

SECONDS, MEGABYTES = 30, 8
TITLES = ("cells", "n_test", "charts", "tables", "seconds", "cpu s", "again s", "target s", "MB", "target MB")


def page(name):
    """Return the report of a folder, and the seconds of the processor it took."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        made = write_report(name, Path(folder) / "report", Options())
    return made, time.process_time() - started


def main():
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'results':<22}" + "".join(f"{title:>10}" for title in TITLES))
    for name in sys.argv[1:]:
        found = load_results(name)
        (made, cpu), (again, _) = page(name), page(name)
        counts = (len(found.cells), found.chosen.test.n_test, made.figures, made.tables)
        print(
            f"{found.name[:20]:<22}" + "".join(f"{count:>10,}" for count in counts) + f"{made.seconds:>10.1f}"
            f"{cpu:>10.1f}{again.seconds:>10.1f}{SECONDS:>10}{made.page_bytes / 1e6:>10.2f}{MEGABYTES:>10}"
        )
        for note in made.notes:
            print(f"  {note}")


if __name__ == "__main__":
    with recording("report"):
        main()

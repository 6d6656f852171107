"""Seconds to make a page from a folder of results, of the clock and of the processor, and its megabytes.

Run: python benchmarks/report.py FOLDER ... (results of mueca compare; the targets are for at least 25 cells)
"""

import sys
import tempfile
import time
from pathlib import Path

from recording import recording

from pipelines.report import Options, write_report
from pipelines.reporting.load import load_results

SECONDS, MEGABYTES = 30, 8


def main():
    titles = ("cells", "n_test", "charts", "tables", "seconds", "cpu s", "target s", "page MB", "target MB")
    print(f"{'results':<22}" + "".join(f"{title:>10}" for title in titles))
    for name in sys.argv[1:]:
        found = load_results(name)
        started = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            made = write_report(name, Path(folder) / "report", Options())
        cpu = time.process_time() - started
        size = f"{made.page_bytes / 1e6:>10.2f}{MEGABYTES:>10}"
        print(
            f"{found.name[:20]:<22}{len(found.cells):>10}{found.chosen.test.n_test:>10,}{made.figures:>10}"
            f"{made.tables:>10}{made.seconds:>10.1f}{cpu:>10.1f}{SECONDS:>10}{size}"
        )
        for note in made.notes:
            print(f"  {note}")


if __name__ == "__main__":
    with recording("report"):
        main()

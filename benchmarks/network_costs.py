"""Parameters, FLOPs and milliseconds a sample of every registered network, as ``mueca profile`` gives them.

Weights are random, samples are noise. Run: python benchmarks/network_costs.py [NETWORK ...]
"""

import os
import sys
import tempfile
from dataclasses import asdict

from recording import recording

from pipelines.commands.system import print_profile
from pipelines.diagnostics.profile import profile


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUECA_CACHE"] = folder
        print_profile([asdict(p) for p in profile(sys.argv[1:])], layers=False, out=None)


if __name__ == "__main__":
    with recording("network-costs"):
        main()

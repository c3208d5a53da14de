"""Batch l1-regularised logistic regression beside LIBLINEAR: how long each takes to the same objective, text in.

Usage: optimum.py [--rounds N] [--workers N] [--json] [FILE...]

The files are libsvm text; without any, the film reviews of $STEELYARD_DATA (default ../shared/data) are unpacked. LIBLINEAR
(`-s 6`, one thread, of Debian's package liblinear-tools) runs at several stopping tolerances, each from the start. Then
`steelyard train --solver dbpg` runs once a round, with its defaults: in one process, or with N worker processes and a server;
`history` says when its objective was first as low. Seconds include reading. Rounds run every contestant once, so that a ratio is of neighbours in time.
"""
import argparse
import json
import lzma
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEELYARD = ROOT / "build/release/steelyard"
DATA = pathlib.Path(os.environ.get("STEELYARD_DATA", ROOT.parent / "shared/data"))
SETS = ("imdb.uni", "imdb.bi")
# Loose and strict, and the ratio aimed for: the first is 1e-3 above the optimum or less, the second next to it.
STOPS = (("0.01", 3.0), ("0.001", 4.0))


def run_liblinear(rows: pathlib.Path, stop: str, folder: pathlib.Path) -> tuple[float, float]:
    """(objective, seconds)"""
    began = time.monotonic()
    done = subprocess.run(["liblinear-train", "-s", "6", "-e", stop, rows, folder / "peer.model"], capture_output=True,
                          text=True, check=True)
    return float(re.findall(r"Objective value = ([\d.]+)", done.stdout)[-1]), time.monotonic() - began


def run_own(rows: pathlib.Path, workers: int | None, folder: pathlib.Path) -> dict:
    command = [STEELYARD, "train", rows, "--solver", "dbpg", "--l1", "1", "--model", folder / "own", "--quiet", "--json"]
    if workers is not None:
        command += ["--workers", str(workers)]
    run = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if not run["certified"]:
        raise SystemExit(f"{rows}: dbpg ended at {run['objective']} without a certificate")
    return run


def seconds_to(run: dict, objective: float) -> float | None:
    reached = [step["seconds"] for step in run["history"] if step["objective"] <= objective]
    return reached[0] if reached else None


def compare(rows: pathlib.Path, arguments: argparse.Namespace, folder: pathlib.Path) -> list[dict]:
    peers: dict[str, list[tuple[float, float]]] = {stop: [] for stop, _ in STOPS}
    own = []
    for _ in range(arguments.rounds):
        for stop in peers:
            peers[stop].append(run_liblinear(rows, stop, folder))
        own.append(run_own(rows, arguments.workers, folder))
    best = min(objective for runs in peers.values() for objective, _ in runs)
    if max(run["objective"] for run in own) > best * (1 + 1e-4):
        raise SystemExit(f"{rows}: dbpg ended at {[run['objective'] for run in own]}, LIBLINEAR at {best}")
    found = []
    for stop, target in STOPS:
        times = [(peer, seconds_to(run, objective)) for (objective, peer), run in zip(peers[stop], own)]
        ratios = [peer / mine for peer, mine in times if mine]
        found.append({"rows": rows.name, "liblinear_stop": stop, "objective": peers[stop][0][0],
                      "liblinear_seconds": statistics.median(peer for peer, _ in times),
                      "seconds": statistics.median(mine for _, mine in times if mine) if ratios else None,
                      "ratio": statistics.median(ratios) if ratios else None, "target": target,
                      "seconds_of_reading": statistics.median(run["history"][0]["seconds"] for run in own),
                      "last_objective": own[0]["objective"], "last_seconds": statistics.median(run["seconds"] for run in own)})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("liblinear-train"):
        raise SystemExit("liblinear-train is not installed: apt-get install liblinear-tools")
    found = []
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as scratch:
        folder = pathlib.Path(scratch)
        files = [path.resolve() for path in arguments.files]
        for name in SETS if not files else ():
            files.append(folder / f"{name}.svm")
            files[-1].write_bytes(lzma.decompress((DATA / f"{name}.train.svm.xz").read_bytes()))
        for rows in files:
            found += compare(rows, arguments, folder)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'rows':<20}{'objective':>13}{'LIBLINEAR s':>12}{'dbpg s':>9}{'ratio':>7}{'target':>7}{'first pass s':>13}"
          f"{'dbpg ends at':>14}{'after s':>9}")
    for line in found:
        own = f"{line['seconds']:.2f}{line['ratio']:>7.2f}" if line["ratio"] else "never       "
        print(f"{line['rows']:<20}{line['objective']:>13.2f}{line['liblinear_seconds']:>12.2f}{own:>16}{line['target']:>7.1f}"
              f"{line['seconds_of_reading']:>13.2f}{line['last_objective']:>14.2f}{line['last_seconds']:>9.2f}")


if __name__ == "__main__":
    main()

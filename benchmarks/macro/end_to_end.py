"""Whole training runs, text in and model out: steelyard in one process and as processes, beside Vowpal Wabbit.

Usage: end_to_end.py [--rows N] [--rounds N] [--json]

Makes rows with `steelyard datagen`, writes them as libsvm and as VW text, and compares the progressive log losses of all
contestants before any time is printed. Each round runs every contestant once, so that a ratio is of neighbours in time.
Vowpal Wabbit comes from PyPI into a virtual environment of its own; without it the peer's figures are absent.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEELYARD = ROOT / "build/release/steelyard"
VENV = ROOT / ".deps/bench-venv"
PEER = "Vowpal Wabbit"
LOSS_DIFFERENCE_MAX = 0.0002
VW_FLAGS = ("--quiet --ftrl --ftrl_alpha 0.1 --ftrl_beta 1 --l1 1 --loss_function logistic --noconstant -b 24 "
            "-d train.vw -f peer.model")
# Prints what a peer's process prints of itself: the average loss.
VW_PROGRAM = ("import sys, vowpalwabbit as v; w = v.Workspace(sys.argv[1]); "
              "print(w.get_sum_loss() / w.get_weighted_examples()); w.finish()")


def peer_python() -> pathlib.Path | None:
    """The interpreter that can import vowpalwabbit, set up when it is missing."""
    python = VENV / "bin/python"
    if not python.exists():
        venv.create(VENV, with_pip=True)
    installed = subprocess.run([python, "-c", "import vowpalwabbit"], capture_output=True, check=False)
    if installed.returncode != 0:
        print("installing vowpalwabbit from PyPI", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "vowpalwabbit"], check=False)
        installed = subprocess.run([python, "-c", "import vowpalwabbit"], capture_output=True, check=False)
    return python if installed.returncode == 0 else None


class Run:
    """One finished process: wall and processor seconds, what it printed."""

    def __init__(self, command: list, folder: pathlib.Path):
        before = os.times()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        after = os.times()
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
        self.wall = after.elapsed - before.elapsed
        self.cpu = after.children_user + after.children_system - before.children_user - before.children_system
        self.out = done.stdout


def contestants(python: pathlib.Path | None) -> dict:
    """Name -> (command, how to read its progressive loss)."""
    def own(*extra):
        return ([STEELYARD, "train", "train.svm", "--model", "own", "--quiet", "--json", *extra],
                lambda out: json.loads(out)["progressive_log_loss"])
    runs = {"in process": own(), "1 server, 1 worker": own("--servers", "1", "--workers", "1")}
    if python:
        runs[PEER] = ([python, "-c", VW_PROGRAM, VW_FLAGS], lambda out: float(re.findall(r"[\d.e-]+", out)[-1]))
    return runs


def measure(rows: int, rounds: int) -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
        folder = pathlib.Path(name)
        subprocess.run([STEELYARD, "datagen", "--rows", str(rows), "--out", "train.svm", "--quiet"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([STEELYARD, "convert", "train.svm", "train.vw", "--label", "> 0", "--quiet"], cwd=folder,
                       check=True, stdout=subprocess.DEVNULL)
        runs = contestants(peer_python())
        losses, walls, cpus = {}, {name: [] for name in runs}, {name: [] for name in runs}
        for round_number in range(rounds + 1):  # The first one brings the files into memory and is not counted.
            for name, (command, loss) in runs.items():
                run = Run(command, folder)
                losses[name] = loss(run.out)
                if round_number > 0:
                    walls[name].append(run.wall)
                    cpus[name].append(run.cpu)
    worst = max(losses.values()) - min(losses.values())
    if worst > LOSS_DIFFERENCE_MAX:
        raise SystemExit(f"the contestants' progressive log losses differ by {worst:.6f}: {losses}")
    rows_of = []
    for name, target in (("in process", 3.0), ("1 server, 1 worker", 1.5)):
        for what, times, aim in (("rows/s", walls, target), ("rows per processor second", cpus, None)):
            rows_of.append(row(f"{what}, {name}", rows, times[name], times.get(PEER), aim))
    return rows_of


def row(name: str, rows: int, own: list[float], peer: list[float] | None, target: float | None) -> dict:
    result = {"name": name, "value": rows / statistics.median(own) / 1e6, "unit": "M/s", "peer": PEER, "peer_value": None,
              "spread": (max(own) - min(own)) / statistics.median(own)}
    if peer:
        result["peer_value"] = rows / statistics.median(peer) / 1e6
        result["ratio"] = statistics.median(theirs / mine for theirs, mine in zip(peer, own))
    if target:
        result["target"] = target
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not STEELYARD.exists():
        raise SystemExit(f"{STEELYARD} is missing; build it with ./run or cmake --build --preset release")
    found = measure(arguments.rows, arguments.rounds)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    print(f"{'what':<44}{'figure':>12} {'unit':<10}{'spread':>8}  {'peer':<24}{'peers':>12}{'ratio':>8}{'target':>8}")
    for line in found:
        peer = f"{line['peer_value']:.4g}" if line["peer_value"] else "absent"
        ratio = f"{line['ratio']:.2f}" if "ratio" in line else ""
        target = f"{line['target']:.2f}" if "target" in line else ""
        missed = "  missed" if "ratio" in line and "target" in line and line["ratio"] < line["target"] else ""
        print(f"{line['name']:<44}{line['value']:>12.4g} {line['unit']:<10}{line['spread'] * 100:>7.0f}%  "
              f"{line['peer']:<24}{peer:>12}{ratio:>8}{target:>8}{missed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

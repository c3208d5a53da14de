"""Delayed block proximal gradient beside the sequential one without a filter, with a straggler: the paper's comparison.

Usage: paper.py [--data FILE | --rows N --features N] [--l1 X] [--tau LIST] [--json] [--out DIR]

Trains on the file, or on rows of `steelyard datagen`, with one server and three workers as processes. All the while the
first worker, the straggler, stands still for half of the time: 20 ms stopped (SIGSTOP), 20 ms running. Compared are
  sequential  --tau 0 --filters none, the paper's system B
  delayed     the defaults of dbpg: a delay, and the filter of settled features
and dbpg for each delay of the list. Before any time is looked at, the final objectives must agree within twice the
tolerance and be certified. Ends with the traffic of filter stacks for `--solver ftrl`, one pass on the same rows.
Prints tables, or with --json one object; --out writes that object and the pictures objective.svg, idle.svg, traffic.svg and
settled.svg. The paper's system A (L-BFGS with l1) is not here.
"""
import argparse
import json
import pathlib
import signal
import subprocess
import tempfile
import time

import delay
import picture

STEELYARD = delay.STEELYARD
WORKERS = delay.WORKERS
TOLERANCE = 1e-4
HALF_PERIOD = 0.02
SYSTEMS = {"sequential": ["--tau", "0", "--filters", "none"], "delayed": []}
STACKS = ["none", "key-cache", "key-cache,delta,zeros,lz4", "key-cache,delta,zeros,lz4,fixed:2",
          "key-cache,delta,zeros,lz4,fixed:1"]


def train(folder: pathlib.Path, data: pathlib.Path, flags: list[str]) -> dict:
    """One run with a straggler; what `train --json` says, and how often the straggler stood still."""
    command = [STEELYARD, "train", data, "--servers", "1", "--workers", str(WORKERS), "--threads", "1", *flags, "--model",
               "model", "--json", "--quiet"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    workers: list[int] = []
    stops = 0
    while running.poll() is None:
        time.sleep(HALF_PERIOD)
        if len(workers) != WORKERS:
            workers = delay.children(running.pid)
        elif delay.signal_worker(workers[0], signal.SIGSTOP):
            time.sleep(HALF_PERIOD)
            delay.signal_worker(workers[0], signal.SIGCONT)
            stops += 1
    out, err = running.communicate()
    if running.returncode != 0:
        raise SystemExit(f"train {' '.join(flags)}: exit code {running.returncode}\n{err}")
    return dict(json.loads(out), stops=stops)


def solve(folder: pathlib.Path, data: pathlib.Path, l1: str, flags: list[str]) -> dict:
    run = train(folder, data, ["--solver", "dbpg", "--l1", l1, "--tolerance", str(TOLERANCE), *flags])
    if not run["certified"] or not run["stops"]:
        raise SystemExit(f"dbpg {' '.join(flags)}: certified {run['certified']}, {run['stops']} stops of the straggler")
    traffic = run["traffic"]
    return {"objective": run["objective"], "seconds": run["seconds"], "passes": run["passes"], "stops": run["stops"],
            "idle_fraction": run["idle_fraction"], "bytes": traffic["pushed_bytes"] + traffic["pulled_bytes"],
            "history": run["history"]}


def check_answers(runs: dict[str, dict]):
    best = min(run["objective"] for run in runs.values())
    for name, run in runs.items():
        if run["objective"] > best * (1 + 2 * TOLERANCE):
            raise SystemExit(f"{name} ended at {run['objective']}, another at {best}: times cannot be compared")


def measure(folder: pathlib.Path, arguments: argparse.Namespace) -> dict:
    data = arguments.data and pathlib.Path(arguments.data).resolve()
    if not data:
        data = folder / "train.svm"
        subprocess.run([STEELYARD, "datagen", "--rows", str(arguments.rows), "--features", str(arguments.features), "--out", data,
                        "--quiet"], check=True)
    systems = {name: solve(folder, data, arguments.l1, flags) for name, flags in SYSTEMS.items()}
    delays = {tau: solve(folder, data, arguments.l1, ["--tau", tau]) for tau in arguments.tau.split(",")}
    check_answers(systems | {f"tau {tau}": run for tau, run in delays.items()})
    stacks = {}
    for stack in STACKS:
        traffic = train(folder, data, ["--filters", stack])["traffic"]
        stacks[stack] = traffic["pushed_bytes"] + traffic["pulled_bytes"]
    return {"data": str(arguments.data or f"datagen --rows {arguments.rows} --features {arguments.features}"),
            "l1": float(arguments.l1), "workers": WORKERS, "systems": systems, "tau": delays, "ftrl_stack_bytes": stacks}


def print_tables(found: dict):
    print(f"{found['data']}, l1 {found['l1']:g}, {found['workers']} workers, one of them stopped half of the time")
    print(f"{'dbpg':>12} {'objective':>14} {'passes':>7} {'seconds':>8} {'idle':>7} {'MB':>9} {'left out':>9}")
    for name, run in (found["systems"] | {f"tau {tau}": run for tau, run in found["tau"].items()}).items():
        print(f"{name:>12} {run['objective']:14.3f} {run['passes']:7d} {run['seconds']:8.2f} {100 * run['idle_fraction']:6.1f}% "
              f"{run['bytes'] / 1e6:9.2f} {100 * run['history'][-1]['settled_fraction']:8.1f}%")
    print(f"{'ftrl, one pass':>38} {'MB':>9} {'less':>7}")
    for stack, size in found["ftrl_stack_bytes"].items():
        print(f"{stack:>38} {size / 1e6:9.2f} {found['ftrl_stack_bytes']['none'] / size:6.2f}x")


def draw(found: dict, folder: pathlib.Path):
    systems = found["systems"]
    best = min(step["objective"] for run in systems.values() for step in run["history"])
    above = {name: [(step["seconds"], max(step["objective"] / best - 1, TOLERANCE / 100)) for step in run["history"]]
             for name, run in systems.items()}
    left_out = {name: [(i + 1, 100 * step["settled_fraction"]) for i, step in enumerate(run["history"])]
                for name, run in systems.items()}
    pictures = {
        "objective": picture.lines("Objective above the best, relative", "seconds", above, logarithmic=True),
        "settled": picture.lines("Features left out, %", "pass", left_out),
        "idle": picture.bars("Idle share of the workers' time, %",
                             {f"tau {tau}": 100 * run["idle_fraction"] for tau, run in found["tau"].items()}),
        "traffic": picture.bars("Pushed and pulled by ftrl, MB", {k: v / 1e6 for k, v in found["ftrl_stack_bytes"].items()})}
    for name, text in pictures.items():
        (folder / f"{name}.svg").write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=50_000)
    parser.add_argument("--l1", default="4")
    parser.add_argument("--tau", default="0,1,2,4,8,16")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as scratch:
        found = measure(pathlib.Path(scratch), arguments)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "paper.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        draw(found, arguments.out)
    print(json.dumps(found)) if arguments.json else print_tables(found)


if __name__ == "__main__":
    main()

"""Idle time against the delay: training with three workers, of which one at a time stands still now and then.

Usage: delay.py [--rows N] [--passes N] [--tau LIST]

Makes rows with `steelyard datagen` and trains on them once for each delay, with one server and three workers as processes.
All the while one worker after another is stopped (SIGSTOP) for a random 5 to 60 ms, each 100 ms on average, as shared
machines do; the same draws for every delay. Prints for each delay what `train --json` says: the share of the workers' time
that they were idle, how stale their pulls were, and what that did to the held-out loss.
"""
import argparse
import json
import pathlib
import random
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEELYARD = ROOT / "build/release/steelyard"
WORKERS = 3


def children(pid: int) -> list[int]:
    """The worker processes that a training run started."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (path / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            continue  # It has ended.
        if parent == pid and len(words) > 1 and words[1] == b"worker":
            found.append(int(path.name))
    return sorted(found)


def signal_worker(pid: int, number: int) -> bool:
    try:
        pathlib.Path(f"/proc/{pid}/stat").read_text()
        subprocess.run(["kill", f"-{number}", str(pid)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def train(folder: pathlib.Path, tau: str, passes: int) -> dict:
    command = [STEELYARD, "train", "train.svm", "--valid", "test.svm", "--servers", "1", "--workers", str(WORKERS),
               "--threads", "1", "--passes", str(passes), "--minibatch", "2048", "--cache", "cache", "--tau", tau, "--model", f"model-{tau}",
               "--json", "--quiet"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    draws = random.Random(1)
    stops = 0
    while running.poll() is None:
        time.sleep(draws.uniform(0.02, 0.18))
        worker, pause = draws.randrange(WORKERS), draws.uniform(0.005, 0.06)
        workers = children(running.pid)
        if len(workers) != WORKERS or not signal_worker(workers[worker], signal.SIGSTOP):
            continue
        time.sleep(pause)
        signal_worker(workers[worker], signal.SIGCONT)
        stops += 1
    out, err = running.communicate()
    if running.returncode != 0:
        raise SystemExit(f"--tau {tau}: exit code {running.returncode}\n{err}")
    return dict(json.loads(out), stops=stops)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--tau", default="0,1,2,4,8,16,inf,auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as scratch:
        folder = pathlib.Path(scratch)
        for name, rows, seed in (("train", arguments.rows, 1), ("test", arguments.rows // 10, 2)):
            subprocess.run([STEELYARD, "datagen", "--rows", str(rows), "--features", "100000", "--seed", str(seed), "--out",
                            f"{name}.svm", "--quiet"], cwd=folder, check=True)
        print(f"{'tau':>5} {'seconds':>8} {'idle':>7} {'mean stale':>11} {'most stale':>11} {'held-out log loss':>18} {'stops':>6}")
        for tau in arguments.tau.split(","):
            run = train(folder, tau, arguments.passes)
            print(f"{tau:>5} {run['seconds']:8.1f} {100 * run['idle_fraction']:6.1f}% {run['staleness']['mean']:11.2f} "
                  f"{run['staleness']['max']:11d} {run['valid']['log_loss']:18.6f} {run['stops']:6d}"
                  + (f"   tau {', '.join(used['tau'] for used in run['delay']['used'])}" if tau == "auto" else ""), flush=True)


if __name__ == "__main__":
    main()

"""Configures and builds a preset, and runs commands with their output in a log file."""
import os
import pathlib
import subprocess

from report import Count, failed

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORES = len(os.sched_getaffinity(0))


def run_logged(command: list[str], log: pathlib.Path, **options) -> bool:
    """Run `command` with its output in `log`; on failure print the log's end. @return whether it exited 0."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        code = subprocess.run(command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False, **options).returncode
    if code != 0:
        lines = log.read_text(errors="replace").splitlines()
        print("\n".join(lines[-80:]))
        print(f"    exit code {code}: {' '.join(command)}; all of its output: {log}")
    return code == 0


def configure(preset: str, *definitions: str) -> Count:
    """Configure build/<preset>. @return a failure, or an empty count."""
    command = ["cmake", "--preset", preset, *definitions]
    ok = run_logged(command, ROOT / "build" / preset / "configure.log")
    return Count() if ok else failed(f"configure {preset}")


def build(preset: str, *targets: str) -> Count:
    """Build `targets` (all of them when none is named) of a configured preset."""
    # -k 0: one broken file should not hide the next one.
    command = ["ninja", "-C", str(ROOT / "build" / preset), "-k", "0", *targets]
    ok = run_logged(command, ROOT / "build" / preset / "build.log")
    return Count() if ok else failed(f"build {preset}")


def targets(preset: str) -> set[str]:
    """Names of the targets that a configured preset has."""
    command = ["ninja", "-C", str(ROOT / "build" / preset), "-t", "targets", "all"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {line.split(":")[0] for line in text.splitlines()}

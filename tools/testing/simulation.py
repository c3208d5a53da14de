"""Runs the simulator over seeds: fixed ones, and ones drawn from the commit."""
import concurrent.futures
import os
import pathlib
import subprocess

import build
import changed
import ctest
from report import Count, skipped

EVERY_SEED = "Simulation.EverySeedKeepsThePromises"


def stage(fixed: int, drawn: int) -> Count:
    """`fixed` seeds from 1 on and `drawn` more that the commit's hash picks, in the release build.

    That the simulation finds bugs is shown in the asan stage, whose build can plant them in production code.
    """
    if "simulation_test" not in build.targets("release"):
        return skipped("there is no target simulation_test in the release build")
    count = build.build("release", "simulation_test")
    if count.failed:
        return count
    first_drawn = int(changed.git("rev-parse", "HEAD")[:12] or "0", 16)
    fixed_filter = f"-{EVERY_SEED}"
    # Blocks of their own keep every core busy.
    blocks = [(1, fixed, EVERY_SEED), (first_drawn, drawn, EVERY_SEED), (1, 0, fixed_filter)]
    blocks = [part for block in blocks for part in split(*block)]
    with concurrent.futures.ThreadPoolExecutor(build.CORES) as pool:
        found = list(pool.map(lambda block: run("release", *block), blocks))
    # The other programs take the commit's seeds where they draw any.
    return sum(found, count) + ctest.run("release", "-L", "^simulation$", "-E", "^simulation$", timeout=3600,
                                         environment=seeds_of(first_drawn, drawn))


def seeds_of(first: int, seeds: int) -> dict[str, str]:
    return {"STEELYARD_SIM_FIRST": str(first), "STEELYARD_SIM_COUNT": str(seeds)}


def split(first: int, seeds: int, tests: str) -> list[tuple[int, int, str]]:
    """Cut a run of seeds into one part for each core."""
    if seeds < build.CORES:
        return [(first, seeds, tests)]
    part = -(-seeds // build.CORES)
    return [(first + at, min(part, seeds - at), tests) for at in range(0, seeds, part)]


def run(preset: str, first: int, seeds: int, tests: str) -> Count:
    program = build.ROOT / "build" / preset / "tests/simulation/simulation_test"
    environment = os.environ | seeds_of(first, seeds)
    if seeds == 0:
        del environment["STEELYARD_SIM_COUNT"], environment["STEELYARD_SIM_FIRST"]
    log = pathlib.Path(f"{program}-{first}-{seeds}.log")
    with log.open("wb") as sink:
        code = subprocess.run([str(program), f"--gtest_filter={tests}"], stdout=sink, stderr=subprocess.STDOUT,
                              env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    output = log.read_text(errors="replace")
    ctest.print_highlights(output)
    if code != 0:
        print("\n".join(output.splitlines()[-60:]), flush=True)
    return ctest.count_output(f"simulation of {seeds} seeds from {first}", output, code == 0)

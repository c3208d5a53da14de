"""Builds the libFuzzer targets and runs each on its kept inputs and then on new ones."""
import concurrent.futures
import re
import shutil
import subprocess

import build
from report import Count, failed, passed, skipped

CORPUS = build.ROOT / "tests/fuzz/corpus"
FOUND = build.ROOT / "build/asan/found"
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
COVERED = re.compile(r"cov: (\d+)")


def stage(seconds: int) -> Count:
    count = build.configure("asan")
    if count.failed:
        return count
    count += build.build("asan", "fuzz_targets")
    programs = sorted((build.ROOT / "build/asan").rglob("*_fuzz"))
    programs = [path for path in programs if path.is_file()]
    if not programs:
        return count + skipped("there is no fuzz target")
    print(f"    {'target':<22}{'inputs kept':>12}{'executions':>12}{'edges':>8}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(build.CORES) as pool:
        return sum(pool.map(lambda path: run(path, seconds), programs), count)


def run(program, seconds: int) -> Count:
    """Run one target. Passes only when it executed inputs, and none of them failed."""
    name = program.name.removesuffix("_fuzz")
    kept = CORPUS / name
    files = len(list(kept.iterdir())) if kept.is_dir() else 0
    if files == 0:
        return failed(f"fuzz {name}: no inputs are kept in {kept.relative_to(build.ROOT)}")
    fresh = FOUND / name
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    command = [str(program), str(fresh), str(kept), f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=10",
               "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-max_len=16384", f"-artifact_prefix={fresh}/failed-"]
    result = subprocess.run(command, cwd=build.ROOT, capture_output=True, text=True, errors="replace", check=False)
    executed = sum(int(number) for number in EXECUTED.findall(result.stderr))
    edges = (COVERED.findall(result.stderr) or ["?"])[-1]
    print(f"    {name:<22}{files:>12}{executed:>12}{edges:>8}", flush=True)
    if result.returncode != 0:
        print("\n".join(result.stderr.splitlines()[-40:]), flush=True)
        return failed(f"fuzz {name}: exit code {result.returncode}; the input is {fresh}/failed-*: "
                      f"keep it in {kept.relative_to(build.ROOT)} with the mend")
    if executed == 0:
        return failed(f"fuzz {name}: it executed nothing")
    return passed()

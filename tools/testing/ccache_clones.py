"""Builds two modules in two clones with one empty compiler cache: the second clone must compile nothing."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import build
from report import Count, failed, passed, skipped

MODULES = "base;wire"
TARGETS = ["steelyard_base", "steelyard_wire", "wire_test"]


def stage() -> Count:
    if shutil.which("ccache") is None:
        return skipped("ccache is not installed")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        environment = os.environ | {"CCACHE_DIR": str(work / "cache"), "CCACHE_CONFIGPATH": "/dev/null"}
        counts = []
        # Names of different length: a path that leaks into an object would change its size as well.
        for name in ("first", "a-second-clone"):
            subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(build.ROOT), str(work / name)], check=True)
            ok, log = build_clone(work / name, environment)
            if not ok:
                print(log[-4000:])
                return failed(f"the clone '{name}' does not build")
            counts.append(hits_and_misses(environment))
        (first_hits, first_misses), (hits, misses) = counts
        hits, misses = hits - first_hits, misses - first_misses
        print(f"    first clone: {first_misses} compiled; second clone: {misses} compiled, {hits} from the cache")
        if misses == 0 and hits >= first_misses > 0:
            return passed()
        return failed(f"the second clone compiled {misses} files again; a path of the clone reaches the compiler")


def build_clone(clone: pathlib.Path, environment: dict[str, str]) -> tuple[bool, str]:
    log = ""
    for command in (["cmake", "--preset", "release", f"-DSY_MODULES={MODULES}", "-DSY_LINK_TESTS=OFF"],
                    ["ninja", "-C", "build/release", *TARGETS]):
        run = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        log += run.stdout + run.stderr
        if run.returncode != 0:
            return False, log
    return True, log


def hits_and_misses(environment: dict[str, str]) -> tuple[int, int]:
    text = subprocess.run(["ccache", "--print-stats"], env=environment, capture_output=True, text=True,
                          check=True).stdout
    value = {name: int(number) for name, number in re.findall(r"^(\w+)\s+(\d+)$", text, re.MULTILINE)}
    return value["direct_cache_hit"] + value["preprocessed_cache_hit"], value["cache_miss"]

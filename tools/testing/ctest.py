"""Runs ctest and counts test cases, not binaries: the closing lines of gtest, unittest and our own scripts are read."""
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as xml

from build import CORES, ROOT
from report import Count, failed, passed, skipped

GTEST_RAN = re.compile(r"^\[==========\] (\d+) tests? from .* ran\.", re.MULTILINE)
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+?)(?: \(\d+ ms\))?$", re.MULTILINE)
GTEST_FAILED = re.compile(r"^\[  FAILED  \] (\S+\.\S+?)(?:,? |$)", re.MULTILINE)
GTEST_REASON = re.compile(r"^\S+:\d+: Skipped\n(.*)$", re.MULTILINE)
OWN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
# Lines worth showing although the test passed: what the simulation saw, and which planted bug it caught where.
HIGHLIGHT = re.compile(r"^\d+ seeds from .*$|^.* caught at seed .*$", re.MULTILINE)
UNITTEST_PART = re.compile(r"(failures|errors|skipped)=(\d+)")


def count_output(name: str, output: str, ok: bool) -> Count:
    """Count the cases of one ctest test from what it printed. At least one case, and one failure unless `ok`."""
    count = Count()
    for ran in GTEST_RAN.findall(output):
        names = set(GTEST_FAILED.findall(output))
        skips = set(GTEST_SKIPPED.findall(output))
        reasons = GTEST_REASON.findall(output)
        count = Count(int(ran) - len(names) - len(skips), len(names), len(skips),
                      [f"FAILED: {name}: {case}" for case in sorted(names)]
                      + [f"skipped: {name}: {', '.join(sorted(skips))}: {'; '.join(reasons) or 'no reason given'}"]
                      * bool(skips))
    for good, bad, left_out in OWN.findall(output):
        count = Count(int(good), int(bad), int(left_out or 0),
                      [line for line in output.splitlines() if line.startswith(("FAILED:", "skipped:"))])
    for ran in UNITTEST.findall(output):
        part = {key: int(value) for key, value in UNITTEST_PART.findall(output)}
        bad = part.get("failures", 0) + part.get("errors", 0)
        left_out = part.get("skipped", 0)
        reasons = [line for line in output.splitlines() if line.startswith("skipped: ")]
        count = Count(int(ran) - bad - left_out, bad, left_out,
                      [f"FAILED: {name}: {bad} cases"] * bool(bad) + (reasons or [f"skipped: {name}"]) * bool(left_out))
    if not ok and count.failed == 0:
        count += failed(f"{name} (it crashed, or ran past its time limit)")
    if ok and count.passed + count.skipped == 0:
        count += passed()
    return count


def run(preset: str, *selection: str, jobs: int = CORES, timeout: int | None = None,
        environment: dict[str, str] | None = None) -> Count:
    """Run the tests of build/<preset> that `selection` (ctest flags) picks. None picked is a failure."""
    folder = ROOT / "build" / preset
    results = folder / "ctest.xml"
    results.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(folder), "-j", str(jobs), "--output-on-failure", "--no-tests=error",
               "--test-output-size-passed", "4000000", "--test-output-size-failed", "4000000",
               "--output-junit", str(results), *selection]
    if timeout:
        command += ["--timeout", str(timeout)]
    log = folder / "ctest.log"
    with log.open("wb") as sink:
        code = subprocess.run(command, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              env=os.environ | (environment or {}), check=False).returncode
    if not results.exists():
        print(log.read_text(errors="replace")[-4000:])
        return failed(f"ctest {preset} {' '.join(selection)}: exit code {code} and no result")
    total = count_junit(results)
    if code != 0:
        print("\n".join(failures_only(log)))
        if total.failed == 0:
            total += failed(f"ctest {preset} {' '.join(selection)}: exit code {code}; see {log}")
    return total


def count_junit(path: pathlib.Path) -> Count:
    total = Count()
    for case in xml.parse(path).getroot().iter("testcase"):
        name, status = case.get("name", "?"), case.get("status")
        output = case.findtext("system-out") or ""
        print_highlights(output)
        if status in ("disabled", "notrun"):
            said = [line.removeprefix("skipped: ") for line in output.splitlines() if line.startswith("skipped: ")]
            total += skipped(f"{name}: {said[0] if said else f'ctest did not run it ({status}); is it built?'}")
        else:
            total += count_output(name, output, status == "run")
    return total


def print_highlights(output: str) -> None:
    for line in HIGHLIGHT.findall(output):
        print(f"    {line[:160]}", flush=True)


def failures_only(log: pathlib.Path) -> list[str]:
    """The end of a ctest log without the lines of tests that passed."""
    noise = re.compile(r"^\s*(Start\s+\d+:|\d+/\d+ Test .* Passed |\[ RUN      \]|\[       OK \]|\[-+\])")
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if line.strip() and not noise.match(line)][-120:]


def listed(preset: str, *selection: str) -> bool:
    """Whether the selection picks any test."""
    command = ["ctest", "--test-dir", str(ROOT / "build" / preset), "-N", *selection]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return not re.search(r"^Total Tests: 0$", text, re.MULTILINE)

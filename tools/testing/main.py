"""The stages of ./test, in order. A failing stage does not stop the ones after it."""
import argparse
import sys

import build
import ccache_clones
import ctest
import fuzz
import simulation
import tidy
from report import Count, Report, skipped

ASAN = ("wire", "filter", "data", "table", "rpc", "server", "simulation", "planted_bugs")
TSAN = ("runtime", "transport", "client", "api")
# Sanitizers slow the simulator down; what they look for shows in few seeds.
SANITIZED = {"STEELYARD_SIM_COUNT": "12"}


def release_stage(selection: list[str]) -> Count:
    count = build.configure("release", "-DSY_TESTS=ON", "-DSY_LINK_TESTS=ON")
    if not count.failed:
        count += build.build("release")
        count += ctest.run("release", *selection)
    return count


def labelled_stage(label: str, jobs: int) -> Count:
    """Tests of one ctest label in the release build that release_stage() made."""
    if not ctest.listed("release", "-L", f"^{label}$"):
        return skipped(f"no test has the label {label}")
    return ctest.run("release", "-L", f"^{label}$", jobs=jobs)


def sanitizer_stage(preset: str, names: tuple[str, ...] | None) -> Count:
    """Build and run the tests `names` (all of them when None) under a sanitizer."""
    count = build.configure(preset, "-DSY_LINK_TESTS=OFF")
    if count.failed:
        return count
    if names is None:
        return build.build(preset) + ctest.run(preset, "-LE", "^(architecture|convergence|full|bench)$", timeout=600,
                                               environment=SANITIZED)
    known = build.targets(preset)
    missing = [name for name in names if f"{name}_test" not in known]
    present = [name for name in names if name not in missing]
    for name in missing:
        count += skipped(f"{preset}: there is no target {name}_test")
    if present:
        count += build.build(preset, *(f"{name}_test" for name in present))
        count += ctest.run(preset, "-R", f"^({'|'.join(present)})$", timeout=600, environment=SANITIZED)
    return count


def clang_stage() -> Count:
    count = build.configure("clang")
    return count + (build.build("clang") if not count.failed else Count())


def stages(arguments: argparse.Namespace) -> list[tuple[str, str, object]]:
    """(name, what it is, function) of each stage of this run."""
    full = arguments.full
    drawn = 3000 if full else 300
    if arguments.soak:
        return [
            ("release", "build and unit tests", lambda: release_stage(["-L", "^unit$"])),
            ("simulation", "100,000 seeds of this commit", lambda: simulation.stage(200, 100_000)),
            ("fuzz", "ten minutes of new inputs for each decoder", lambda: fuzz.stage(600)),
        ]
    if arguments.regex:
        return [("release", f"build, and tests matching {arguments.regex}",
                 lambda: release_stage(["-R", arguments.regex]))]
    always = [
        ("format", "clang-format on every source file", tidy.format_stage),
        ("release", "build; unit, command-line and architecture tests",
         lambda: release_stage(["-LE", "^(cluster|convergence|simulation|full)$"])),
        ("cluster", "real processes on this machine", lambda: labelled_stage("cluster", jobs=1)),
        ("convergence", "models against reference figures",
         lambda: labelled_stage("(convergence|full)" if full else "convergence", jobs=build.CORES)),
        ("simulation", f"a cluster in virtual time: 200 fixed seeds, {drawn} of this commit",
         lambda: simulation.stage(200, drawn)),
        ("asan", "address and undefined-behaviour sanitizers; bugs planted in the simulation",
         lambda: sanitizer_stage("asan", None if full else ASAN)),
        ("tsan", "thread sanitizer", lambda: sanitizer_stage("tsan", None if full else TSAN)),
        ("fuzz", f"each decoder: the kept inputs, then {30 if full else 5} s of new ones",
         lambda: fuzz.stage(30 if full else 5)),
        ("tidy", "clang-tidy on " + ("every file" if full else "changed files"), lambda: tidy.tidy_stage(full)),
    ]
    if not full:
        return always
    return always + [
        ("clang", "build with clang, -Wthread-safety and warnings as errors", clang_stage),
        ("ccache", "a second clone takes its objects from the cache", ccache_clones.stage),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./test", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all files, all tests under all sanitizers")
    parser.add_argument("--soak", action="store_true", help="long runs of the simulator and the fuzzers only")
    parser.add_argument("-R", dest="regex", metavar="REGEX", help="only ctest tests of the release build that match")
    parser.add_argument("--only", metavar="STAGE[,STAGE]", help="only these stages")
    parser.add_argument("--list", action="store_true", help="name the stages and stop")
    arguments = parser.parse_args()
    chosen = stages(arguments)
    if arguments.list:
        print("\n".join(f"{name:<12} {what}" for name, what, _ in chosen))
        return 0
    if arguments.only:
        wanted = arguments.only.split(",")
        unknown = set(wanted) - {name for name, _, _ in chosen}
        if unknown:
            parser.error(f"no stage {', '.join(sorted(unknown))}; there are: {', '.join(s[0] for s in chosen)}")
        chosen = [stage for stage in chosen if stage[0] in wanted]
    report = Report()
    for name, what, run in chosen:
        report.run(name, what, run)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())

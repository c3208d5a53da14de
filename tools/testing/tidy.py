"""clang-format over every source file, and clang-tidy over the changed ones (or all), remembering clean files."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess

import build
import changed
from report import Count, failed, passed

SOURCES = ("*.cc", "*.h")
ANALYZER = "-clang-analyzer-*"  # Half of the time; --full runs it.
TIDY = str(build.ROOT / ".deps/clang-tidy/bin/clang-tidy")
# It is newer than the standard library, whose own use of what it calls deprecated it would report.
NEWER_CLANG = "--extra-arg=-Wno-deprecated-declarations"
TEST_SETTINGS = build.ROOT / "tests/.clang-tidy"
STAMPS = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "steelyard" / "tidy"


def format_stage() -> Count:
    files = changed.sources(*SOURCES)
    run = subprocess.run(["clang-format-16", "--dry-run", "-Werror", *files], cwd=build.ROOT, capture_output=True,
                         text=True, check=False)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error:", run.stderr, re.MULTILINE)))
    if run.returncode != 0 and not wrong:
        return failed(f"clang-format-16: {run.stderr[-2000:]}")
    count = passed(len(files) - len(wrong))
    for path in wrong:
        count += failed(f"{path}: run clang-format-16 -i {path}")
    return count


def tidy_stage(everything: bool) -> Count:
    configured = build.configure("clang")
    if configured.failed:
        return configured
    if everything:
        files, why = changed.sources("*.cc"), "all files"
    else:
        files, why = changed.changed_sources(*SOURCES)
        # Tests take longer than all the rest, because of their library's macros: --full looks at them.
        files = [path for path in with_companions(files) if path.startswith(("src/", "bin/", "include/"))
                 and not path.endswith("_test.cc")]
        why = f"changed since {why}; tests only with --full"
    commands = compile_commands()
    known = [path for path in files if path in commands]
    print(f"    {len(known)} files; {why}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(build.CORES) as pool:
        return sum(pool.map(lambda path: check(path, commands[path], everything), known), Count())


def with_companions(files: list[str]) -> list[str]:
    """A header is checked through the sources beside it that carry its name."""
    wanted = set()
    for path in files:
        stem = path.rsplit(".", 1)[0]
        wanted |= {path} if path.endswith(".cc") else {f"{stem}.cc", f"{stem}_test.cc"}
    return sorted(path for path in wanted if (build.ROOT / path).is_file())


def compile_commands() -> dict[str, str]:
    """Source path, relative to the repository, to its compile command."""
    entries = json.loads((build.ROOT / "build/clang/compile_commands.json").read_text())
    root = str(build.ROOT) + "/"
    return {entry["file"].removeprefix(root): entry["command"] for entry in entries
            if entry["file"].startswith(root)}


def check(path: str, command: str, analyze: bool) -> Count:
    # Unit tests have the rules of tests/.clang-tidy; the analyzer would spend its time inside their library's macros.
    left_out = test_checks() if path.endswith("_test.cc") else "" if analyze else ANALYZER
    extra = [f"--checks={left_out}"] if left_out else []
    stamp = STAMPS / fingerprint(command, left_out)
    if stamp.exists():
        return passed()
    run = subprocess.run([TIDY, "--quiet", "-p", "build/clang", NEWER_CLANG, *extra, path], cwd=build.ROOT, capture_output=True,
                         text=True, check=False)
    if run.returncode != 0:
        found = [line for line in run.stdout.splitlines() if ": error: " in line or ": warning: " in line]
        print("\n".join(run.stdout.splitlines()[:60]), flush=True)
        return failed(f"clang-tidy: {path}: {len(found)} findings")
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    return passed()


def test_checks() -> str:
    """What tests/.clang-tidy adds to the checks, on one line."""
    return "".join(re.search(r"^Checks: >\n((?:  .*\n)+)", TEST_SETTINGS.read_text(), re.MULTILINE)[1].split())


def fingerprint(command: str, left_out: str) -> str:
    """Hash of all that clang-tidy's verdict depends on: its settings, the flags, the file and our headers it includes."""
    words = shlex.split(command)
    compiler = next(i for i, word in enumerate(words) if "clang++" in word)
    words = words[compiler:]
    flags = [word for i, word in enumerate(words) if word != "-o" and words[i - 1] != "-o" and word != "-c"]
    run = subprocess.run([*flags, "-MM"], cwd=build.ROOT / "build/clang", capture_output=True, text=True, check=False)
    digest = hashlib.sha256(left_out.encode())
    for settings in (".clang-tidy", "tests/.clang-tidy", "benchmarks/.clang-tidy",
                     "tools/install_clang_tidy.sh"):
        digest.update((build.ROOT / settings).read_bytes())
    digest.update(" ".join(flags).replace(str(build.ROOT), ".").encode())
    for name in sorted(set(run.stdout.replace("\\\n", " ").split()[1:])):
        file = build.ROOT / "build/clang" / name
        digest.update(file.read_bytes() if file.is_file() else b"?")
    return digest.hexdigest()

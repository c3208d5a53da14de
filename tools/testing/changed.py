"""Which files the stages that look at changed files look at."""
import os
import subprocess

from build import ROOT


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def sources(*patterns: str) -> list[str]:
    """Tracked and new (not ignored) files that match, and that still exist."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns).splitlines()
    return sorted({path for path in listed if (ROOT / path).is_file()})


def base() -> tuple[str, str]:
    """The commit to compare with, and why that one.

    STEELYARD_BASE when set; where this branch left origin/main; on main itself, and in a fresh clone of it, the state
    of four hours before the newest commit.
    """
    head = git("rev-parse", "HEAD")
    if os.environ.get("STEELYARD_BASE"):
        return os.environ["STEELYARD_BASE"], "STEELYARD_BASE"
    fork = git("merge-base", "HEAD", "origin/main")
    if fork and fork != head:
        return fork, "where this branch left origin/main"
    newest = int(git("log", "-1", "--format=%ct") or 0)
    before = git("rev-list", "-1", f"--before={newest - 4 * 3600}", "HEAD")
    if before:
        return before, "four hours before the newest commit"
    # An empty tree: everything counts as changed.
    return git("hash-object", "-t", "tree", "/dev/null"), "the beginning"


def changed_sources(*patterns: str) -> tuple[list[str], str]:
    """Files that match and differ from base(), and base's name."""
    commit, why = base()
    differ = set(git("diff", "--name-only", commit).splitlines())
    new = set(git("ls-files", "--others", "--exclude-standard").splitlines())
    return [path for path in sources(*patterns) if path in differ | new], f"{commit[:10]}, {why}"

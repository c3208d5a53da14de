"""Runs the steelyard binary (environment variable STEELYARD) and makes the small inputs of these tests."""
import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

BINARY = os.environ.get("STEELYARD", "build/release/steelyard")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A sanitizer takes five times the time and memory: what is measured is scaled, what is bounded is left to other builds.
SANITIZED = any(mark in pathlib.Path(BINARY).read_bytes() for mark in (b"__asan_init", b"__tsan_init"))
TIME_LIMIT = 60 * (5 if SANITIZED else 1)


class Ended:
    """How a command ended: its exit code and what it said."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def json(self) -> dict:
        return json.loads(self.out)


class CommandTest(unittest.TestCase):
    """A test in a fresh directory, where the binary runs."""

    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="steelyard-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "tmp").mkdir()
        self.environment = dict(os.environ, TMPDIR=str(self.folder / "tmp"))

    def run_command(self, *arguments, stdin: bytes = b"") -> Ended:
        words = [BINARY, *map(str, arguments)]
        return Ended(subprocess.run(words, input=stdin, capture_output=True, cwd=self.folder, env=self.environment,
                                    timeout=TIME_LIMIT, check=False))

    def start_command(self, *arguments) -> subprocess.Popen:
        """In a process group of its own, as a shell does it."""
        process = subprocess.Popen([BINARY, *map(str, arguments)], cwd=self.folder, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)
        self.addCleanup(self.end_process, process)
        return process

    @staticmethod
    def end_process(process: subprocess.Popen):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def write(self, name: str, content: str | bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def succeed(self, *arguments, stdin: bytes = b"") -> Ended:
        ended = self.run_command(*arguments, stdin=stdin)
        self.assertEqual(ended.code, 0, f"{arguments}\n{ended.err}")
        return ended

    def fail_with(self, code: int, *arguments, stdin: bytes = b"") -> str:
        """The command must fail with this code and exactly one line on standard error, which is returned."""
        ended = self.run_command(*arguments, stdin=stdin)
        self.assertEqual(ended.code, code, f"{arguments}\n{ended.out}{ended.err}")
        lines = ended.err.strip().splitlines()
        self.assertEqual(len(lines), 1, ended.err)
        self.assertTrue(lines[0].startswith("steelyard: "), ended.err)
        self.assertEqual(ended.out, "")
        return lines[0]


def svm_rows(count: int, seed: int = 1, features: int = 50, active: int = 8) -> str:
    """Rows of a planted linear model, as libsvm text."""
    draw = random.Random(seed)
    weights = random.Random(4711)
    planted = [weights.gauss(0, 1) for _ in range(features)]
    lines = []
    for _ in range(count):
        chosen = sorted(draw.sample(range(features), active))
        margin = sum(planted[i] for i in chosen)
        label = 1 if margin + draw.gauss(0, 0.5) > 0 else 0
        lines.append(f"{label} " + " ".join(f"{i + 1}:1" for i in chosen))
    return "\n".join(lines) + "\n"

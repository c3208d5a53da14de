"""The installed library, found by another project's CMake, against a real cluster that the installed command starts."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BUILD_FOLDER", str(ROOT / "build/release"))


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=200, check=False)


class Installed(unittest.TestCase):
    def succeed(self, *command) -> str:
        done = run(*command)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def average(self, program, steelyard, cluster: str):
        """Three members find the mean of their numbers; none is staler than the delay."""
        self.succeed(steelyard, "table", "create", "mean", "--cluster", cluster)
        tau = 4
        members = [subprocess.Popen([str(program), cluster, "3", str(number), str(tau)], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for number in (1, 2, 6)]
        for member in members:
            out, err = member.communicate(timeout=100)
            self.assertEqual(member.returncode, 0, err)
            found = re.fullmatch(r"mean (\d\.\d+), pulls at most (\d+) steps stale\n", out)
            self.assertIsNotNone(found, out)
            self.assertAlmostEqual(float(found.group(1)), 3, delta=0.2)
            self.assertLessEqual(int(found.group(2)), tau)

    def test_an_external_client(self):
        scratch = tempfile.TemporaryDirectory(prefix="steelyard-test-")
        self.addCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        prefix = folder / "prefix"
        self.succeed("cmake", "--install", BUILD, "--prefix", prefix)
        headers = {path.name for path in (prefix / "include/steelyard").iterdir()}
        self.assertEqual(headers, {path.name for path in (ROOT / "include/steelyard").iterdir()})
        for example in ("push_pull", "bounded_delay"):
            self.succeed("cmake", "-S", ROOT / "examples" / example, "-B", folder / example, "-G", "Ninja",
                         f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
            self.succeed("cmake", "--build", folder / example)
        client, steelyard = folder / "push_pull/push_pull", prefix / "bin/steelyard"
        up = json.loads(self.succeed(steelyard, "up", "--listen", "127.0.0.1:0", "--servers", "2", "--workers", "1",
                                     "--data-dir", folder / "cluster", "--json"))
        self.addCleanup(run, steelyard, "down", "--data-dir", folder / "cluster")
        words = ["a", "rose", "is"]
        for time in (1, 2):
            lines = self.succeed(client, up["cluster"], *words).splitlines()
            self.assertEqual(sorted(lines), sorted(f"{word} {time}" for word in words))
        dump = self.succeed(steelyard, "table", "dump", "words", "--cluster", up["cluster"])
        self.assertEqual([line.split("\t")[-1] for line in dump.splitlines() if line[0].isdigit()], ["2"] * 3)
        self.average(folder / "bounded_delay/bounded_delay", steelyard, up["cluster"])
        self.succeed(steelyard, "down", "--data-dir", folder / "cluster")
        alone = run(client, up["cluster"], "rose")
        self.assertEqual(alone.returncode, 1)
        self.assertIn(f"push_pull: {up['cluster']}: no head answers within 5000 ms", alone.stderr)


if __name__ == "__main__":
    unittest.main()

"""The installed library, found by another project's CMake, against a real cluster that the installed command starts."""
import json
import os
import pathlib
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

    def test_an_external_client(self):
        scratch = tempfile.TemporaryDirectory(prefix="steelyard-test-")
        self.addCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        prefix = folder / "prefix"
        self.succeed("cmake", "--install", BUILD, "--prefix", prefix)
        headers = {path.name for path in (prefix / "include/steelyard").iterdir()}
        self.assertEqual(headers, {path.name for path in (ROOT / "include/steelyard").iterdir()})
        self.succeed("cmake", "-S", ROOT / "examples/push_pull", "-B", folder / "client", "-G", "Ninja",
                     f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        self.succeed("cmake", "--build", folder / "client")
        client, steelyard = folder / "client/push_pull", prefix / "bin/steelyard"
        up = json.loads(self.succeed(steelyard, "up", "--listen", "127.0.0.1:0", "--servers", "2", "--workers", "1",
                                     "--data-dir", folder / "cluster", "--json"))
        self.addCleanup(run, steelyard, "down", "--data-dir", folder / "cluster")
        words = ["a", "rose", "is"]
        for time in (1, 2):
            lines = self.succeed(client, up["cluster"], *words).splitlines()
            self.assertEqual(sorted(lines), sorted(f"{word} {time}" for word in words))
        dump = self.succeed(steelyard, "table", "dump", "words", "--cluster", up["cluster"])
        self.assertEqual([line.split("\t")[-1] for line in dump.splitlines() if line[0].isdigit()], ["2"] * 3)
        self.succeed("cmake", "-S", ROOT / "examples/own_filter", "-B", folder / "own", "-G", "Ninja",
                     f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        self.succeed("cmake", "--build", folder / "own")
        said = self.succeed(folder / "own/own_filter", up["cluster"])
        self.assertEqual(said.splitlines(), ["1 5", "2 10", "3 -10", "4 0", "10 rows stayed at home"])
        self.succeed(steelyard, "down", "--data-dir", folder / "cluster")
        alone = run(client, up["cluster"], "rose")
        self.assertEqual(alone.returncode, 1)
        self.assertIn(f"push_pull: {up['cluster']}: no head answers within 5000 ms", alone.stderr)


if __name__ == "__main__":
    unittest.main()

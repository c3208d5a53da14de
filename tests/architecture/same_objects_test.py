"""The simulator must run the very archives that the binary ships.

  same_objects_test.py BUILD_FOLDER BINARY SIMULATION
"""
import pathlib
import subprocess
import sys
import unittest

BUILD, BINARY, SIMULATION = sys.argv[1:4]
del sys.argv[1:4]

PROTOCOL = ("base", "wire", "placement", "table", "engine", "rpc", "coord", "server", "client", "job", "apps_linear")


def archives(program: str) -> set[str]:
    """The archives that a program is linked from, relative to the build folder."""
    target = pathlib.Path(program).resolve().relative_to(pathlib.Path(BUILD).resolve())
    text = subprocess.run(["ninja", "-C", BUILD, "-t", "query", str(target)], capture_output=True, text=True,
                          check=True).stdout
    return {line.strip().removeprefix("| ") for line in text.splitlines() if line.strip().endswith(".a")}


class SameObjectsTest(unittest.TestCase):
    def test_both_link_the_same_archives(self):
        binary, simulation = archives(BINARY), archives(SIMULATION)
        for module in PROTOCOL:
            path = "src/" + module.replace("_", "/") + f"/libsteelyard_{module}.a"
            self.assertIn(path, binary, "the binary does not link it: is the list in this test up to date?")
            self.assertIn(path, simulation, "the simulation links another one, or none")

    def test_the_simulation_has_no_archive_of_its_own(self):
        extra = archives(SIMULATION) - archives(BINARY)
        self.assertEqual(extra, {path for path in extra if "gtest" in path})


if __name__ == "__main__":
    unittest.main()

"""The installed library, found by another project's CMake, against a real cluster that the installed command starts."""
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
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

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="steelyard-test-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = pathlib.Path(cls.scratch.name).resolve()
        cls.prefix = cls.folder / "prefix"
        cls.steelyard = cls.prefix / "bin/steelyard"
        installed = run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        assert installed.returncode == 0, installed.stderr

    def build(self, example: str) -> pathlib.Path:
        """Build an example as another project would. @return where."""
        built = self.folder / example
        self.succeed("cmake", "-S", ROOT / "examples" / example, "-B", built, "-G", "Ninja",
                     f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        self.succeed("cmake", "--build", built)
        return built

    def up(self, *arguments) -> str:
        """Start a cluster. @return its address."""
        data_dir = self.folder / "cluster"
        self.addCleanup(run, self.steelyard, "down", "--data-dir", data_dir)
        return json.loads(self.succeed(self.steelyard, "up", "--listen", "127.0.0.1:0", "--servers", "2", "--workers",
                                       "1", "--data-dir", data_dir, "--json", *arguments))["cluster"]

    def test_a_worker_group_with_a_bounded_delay(self):
        """Three members find the mean of their numbers; none is staler than the delay."""
        program = self.build("bounded_delay") / "bounded_delay"
        cluster = self.up()
        self.succeed(self.steelyard, "table", "create", "mean", "--cluster", cluster)
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

    def test_functions_of_members(self):
        """Three programs answer; one is stopped and killed in the middle of a call, which names it; the others go on."""
        program = self.build("member_calls") / "member_calls"
        cluster = self.up()
        self.succeed(self.steelyard, "table", "create", "words", "--cluster", cluster)
        members = []
        for number in (0, 1, 2):
            member = subprocess.Popen([str(program), cluster, "serve", str(number)], stdout=subprocess.PIPE, text=True)
            self.addCleanup(member.wait)
            self.addCleanup(member.kill)
            self.addCleanup(member.stdout.close)
            self.assertEqual(member.stdout.readline(), "ready\n")
            members.append(member)
        for time in (1, 2):
            self.assertEqual(self.succeed(program, cluster, "count", "rose").splitlines(),
                             [f"member {number}: {time}" for number in (0, 1, 2)] + [f"rose {3 * time}"])
        members[1].send_signal(signal.SIGSTOP)  # It has the call, and does not answer.
        with subprocess.Popen([str(program), cluster, "count", "tree"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as call:
            while json.loads(self.succeed(self.steelyard, "table", "stat", "words", "--cluster", cluster,
                                          "--json"))["sum"] < 8:
                pass  # Two members have not answered yet.
            members[1].kill()
            _, err = call.communicate(timeout=60)
        self.assertEqual(call.returncode, 1)
        self.assertRegex(err, r"member 1 of group 1 is gone and had not answered 'add', which may have run: ")
        rest = self.succeed(program, cluster, "count", "leaf").splitlines()
        self.assertEqual([line.split(":")[0] for line in rest], ["member 0", "member 2", "leaf 2"])

    def test_an_external_client(self):
        headers = {path.name for path in (self.prefix / "include/steelyard").iterdir()}
        self.assertEqual(headers, {path.name for path in (ROOT / "include/steelyard").iterdir()})
        client = self.build("push_pull") / "push_pull"
        cluster = self.up()
        words = ["a", "rose", "is"]
        for time in (1, 2):
            lines = self.succeed(client, cluster, *words).splitlines()
            self.assertEqual(sorted(lines), sorted(f"{word} {time}" for word in words))
        dump = self.succeed(self.steelyard, "table", "dump", "words", "--cluster", cluster)
        self.assertEqual([line.split("\t")[-1] for line in dump.splitlines() if line[0].isdigit()], ["2"] * 3)
        self.succeed(self.steelyard, "down", "--data-dir", self.folder / "cluster")
        alone = run(client, cluster, "rose")
        self.assertEqual(alone.returncode, 1)
        self.assertIn(f"push_pull: {cluster}: no head answers within 5 s", alone.stderr)

    def test_a_filter_of_ones_own(self):
        program = self.build("own_filter") / "own_filter"
        said = self.succeed(program, self.up())
        self.assertEqual(said.splitlines(), ["1 5", "2 10", "3 -10", "4 0", "10 rows stayed at home"])

    def test_two_groups_share_a_table(self):
        program = self.build("two_groups") / "two_groups"
        cluster = self.up()
        with subprocess.Popen([program, cluster, "serve"], stdout=subprocess.PIPE, text=True) as serve:
            self.succeed(program, cluster, "learn")
            self.assertEqual(serve.communicate(timeout=60)[0], "y = 3.00 a + -2.00 b\n")
            self.assertEqual(serve.returncode, 0)

    def allow(self, library: pathlib.Path, path=None, digest=None) -> pathlib.Path:
        """@return a list that allows the library."""
        listed = self.folder / "updaters"
        digest = digest or hashlib.sha256(library.read_bytes()).hexdigest()
        listed.write_text(f"# What servers may load.\n{digest}  {path or library}\n")
        listed.chmod(0o600)
        return listed

    def test_an_updater_of_ones_own(self):
        library = self.build("custom_updater") / "libcustom_updater.so"
        library.chmod(0o755)
        server = (self.steelyard, "server", "--head", "127.0.0.1:1", "--once", "--listen", "127.0.0.1:0", "--updaters")

        def refused(listed: pathlib.Path, why: str) -> None:
            done = run(*server, listed)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(why, done.stderr)

        refused(self.allow(library, digest="0" * 64), "the list allows " + "0" * 64)
        refused(self.allow(library, path="libcustom_updater.so"), "give its absolute path")
        link = self.folder / "link.so"
        link.symlink_to(library)
        refused(self.allow(library, path=link), "has a symbolic link")
        no_library = self.folder / "empty.so"
        no_library.write_text("no ELF")
        refused(self.allow(no_library), "it cannot be loaded")
        library.chmod(0o775)
        refused(self.allow(library), "others may write it (mode 775)")
        library.chmod(0o755)
        listed = self.allow(library)
        listed.chmod(0o666)
        refused(listed, "others may write it (mode 666)")
        listed.write_text("rubbish\n")
        listed.chmod(0o600)
        refused(listed, "updaters:1: a line must be as sha256sum prints it")

        cluster = self.up("--updaters", self.allow(library))
        create = (self.steelyard, "table", "create", "recent", "--cluster", cluster, "--updater")
        misspelt = run(*create, "fadin")
        self.assertEqual(misspelt.returncode, 2)
        self.assertIn("did you mean fading?", misspelt.stderr)
        wrong = run(*create, "fading", "--alpha", "2")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("must be in [0, 1)", wrong.stderr)
        self.succeed(*create, "fading", "--alpha", "0.5")
        program = self.build("push_pull") / "push_pull"
        self.succeed(self.steelyard, "table", "create", "words", "--cluster", cluster, "--updater", "fading", "--alpha",
                     "0.5")
        for expected in ("1", "2", "2"):  # 1, 1.5, 1.75.
            self.assertEqual(self.succeed(program, cluster, "rose"), f"rose {expected}\n")
        figures = json.loads(self.succeed(self.steelyard, "table", "stat", "words", "--cluster", cluster, "--json"))
        self.assertEqual((figures["rows"], figures["sum"]), (1, 1.75))
        rows = self.folder / "rows.svm"
        rows.write_text("1 1:1\n0 2:1\n" * 2000)
        self.succeed(self.steelyard, "train", rows, "--cluster", cluster, "--detach", "--passes", "1000000", "--quiet")
        call = (self.steelyard, "jobs", "call", "1", "loss_above", "--cluster", cluster)
        def answers(limit: str) -> set[str]:
            return {line.split(": ")[1] for line in run(*call, limit).stdout.splitlines()}
        while answers("1e9") != {"no"} or answers("-1") != {"yes"}:
            time.sleep(0.01)  # The workers have the job but no loss yet.
        wrong = run(*call, "much")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("'loss_above' threw: stod", wrong.stderr)
        self.succeed(self.steelyard, "jobs", "cancel", "1", "--cluster", cluster)

    def test_one_file_loads_code(self):
        found = {str(path.relative_to(ROOT)) for folder in ("src", "bin", "include") for path in (ROOT / folder).rglob("*")
                 if path.suffix in (".cc", ".h") and re.search(r"\b(dlopen|dlsym|popen|system)\s*\(", path.read_text())}
        # The other loads Steelyard's own reader of Parquet, whose path is fixed when it is built.
        self.assertEqual(found, {"bin/function_library.cc", "src/data/parquet_library.cc"})


if __name__ == "__main__":
    unittest.main()

"""convert: the same model is learned from what was written as from what was read; what would be lost is refused."""
import gzip
import random
import subprocess
import unittest

from command import BINARY, TIME_LIMIT, CommandTest, svm_rows


class Convert(CommandTest):
    def dump_of(self, data: str, *arguments) -> str:
        self.succeed("train", data, "--l1", "0.1", "--quiet", "--model", "m", *arguments)
        return self.succeed("table", "dump", "--all", "--model", "m").out

    def weights_of(self, data: str, *arguments) -> list[str]:
        return sorted(line.split("\t")[1] for line in self.dump_of(data, *arguments).splitlines())

    def test_numbers_stay_numbers(self):
        self.write("a.svm", "# a comment\n" + svm_rows(2000).replace(" 7:1", " 7:0.0725476"))
        expected = self.dump_of("a.svm")
        report = self.succeed("convert", "a.svm", "b.svm.gz", "--json").json()
        self.assertEqual((report["rows"], report["from"], report["to"], report["out"]), (2000, "libsvm", "libsvm", "b.svm.gz"))
        self.assertEqual(self.dump_of("b.svm.gz"), expected)
        self.succeed("convert", "b.svm.gz", "c.libfm.zst")
        self.assertEqual(self.dump_of("c.libfm.zst"), expected)
        self.succeed("convert", "a.svm", "d.vw")
        self.assertEqual(self.weights_of("d.vw"), self.weights_of("a.svm"))

    def test_columns_become_names_or_their_keys(self):
        draw = random.Random(5)
        self.write("s.toml", '[label]\ncolumn = "delay"\npositive = "> 15"\n[features]\nfrom = { column = "from" }\n'
                             'age = { column = "age", numeric = true }\n')
        self.write("a.csv", "delay,from,age\n" + "".join(
            f"{draw.randrange(30)},{draw.choice('ABC')},{draw.randrange(9) / 4}\n" for _ in range(2000)))
        expected = self.dump_of("a.csv", "--schema", "s.toml")
        self.assertEqual(self.succeed("convert", "a.csv", "a.vw", "--schema", "s.toml").out,
                         "2,000 rows of csv written as vw in a.vw\n")
        self.assertTrue(set(line.split()[0] for line in (self.folder / "a.vw").read_text().splitlines()) == {"1", "-1"})
        self.assertEqual(self.dump_of("a.vw"), expected)
        self.succeed("convert", "a.csv", "a.svm", "--schema", "s.toml")
        self.assertEqual(self.weights_of("a.svm"), sorted(line.split("\t")[1] for line in expected.splitlines()))

    def test_pipes(self):
        self.write("a.svm", svm_rows(500))
        piped = self.run_command("convert", "-", "-", "--to", "vw", stdin=gzip.compress(svm_rows(500).encode()))
        self.assertEqual((piped.code, piped.err), (0, ""))
        self.succeed("convert", "a.svm", "a.vw")
        self.assertEqual(piped.out, (self.folder / "a.vw").read_text())
        done = subprocess.run(f"{BINARY} datagen --rows 1000000 --quiet | {BINARY} convert - - --to vw | head -1", shell=True,
                              capture_output=True, timeout=TIME_LIMIT, check=False)
        self.assertEqual((len(done.stdout.splitlines()), done.stderr), (1, b""))

    def test_rows_without_labels_and_with_weights(self):
        self.write("a.svm", "1:0.5 2:2\n-1:2 3:1\n")
        self.succeed("convert", "a.svm", "a.vw")
        self.assertEqual((self.folder / "a.vw").read_text(), "1 0.5 | 2:2\n-1 2 | 3\n")
        self.succeed("convert", "a.svm", "b.svm")
        self.assertEqual((self.folder / "b.svm").read_text(), "+1:0.5 2:2\n-1:2 3:1\n")
        self.write("c.svm", "3:1 7:1\n? 1:1\n+1:0.5 2:2\n")
        self.assertIn("c.svm:2: expected a label", self.fail_with(65, "convert", "c.svm", "c.vw", "--quiet"))
        self.succeed("convert", "c.svm", "c.vw", "--labels-optional")
        self.assertEqual((self.folder / "c.vw").read_text(), "| 3 7\n| 1\n1 0.5 | 2:2\n")
        self.succeed("convert", "c.vw", "d.libsvm", "--labels-optional")
        self.assertTrue((self.folder / "d.libsvm").read_text().startswith("? "))

    def test_refusals_leave_nothing(self):
        self.write("a.svm", svm_rows(10))
        self.write("w.svm", "1 1:1\n1:0.5 2:2\n")
        self.write("a.ffm", "1 0:1:1\n")
        self.write("s.toml", '[label]\ncolumn = "y"\n[features]\nt = { column = "t" }\n')
        self.write("a.csv", "y,t\n1,12\n1,12:30\n")
        before = sorted(p.name for p in self.folder.iterdir())
        self.assertIn("does not say its format", self.fail_with(2, "convert", "a.svm", "b.txt"))
        self.assertIn("--to must be one of", self.fail_with(2, "convert", "a.svm", "b", "--to", "xml"))
        self.assertIn("libsvm cannot become csv", self.fail_with(2, "convert", "a.svm", "b.csv"))
        self.assertIn("fields of its features would be lost", self.fail_with(2, "convert", "a.ffm", "b.svm"))
        self.assertIn("row 1 of the input: libFM has no weights", self.fail_with(65, "convert", "w.svm", "b.libfm"))
        self.assertIn("cannot hold the name 't=12:30'", self.fail_with(65, "convert", "a.csv", "b.vw", "--schema", "s.toml"))
        self.assertIn("OUT is missing", self.fail_with(2, "convert", "a.svm"))
        self.assertIn("no such file", self.fail_with(65, "convert", "b.svm", "c.svm"))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), before)

    def test_bad_rows_are_left_out_when_allowed(self):
        self.write("a.svm", "1 1:1\nx\n0 2:1\n")
        self.assertIn("a.svm:2: ", self.fail_with(65, "convert", "a.svm", "b.svm", "--quiet"))
        self.assertEqual(self.succeed("convert", "a.svm", "b.svm", "--bad-rows-max", "1").out,
                         "2 rows of libsvm written as libsvm in b.svm\n1 bad rows left out\n")


if __name__ == "__main__":
    unittest.main()

"""datagen: the same rows for a seed, a model that can be learned, formats that train reads, and quiet ends."""
import gzip
import subprocess
import unittest

from command import BINARY, TIME_LIMIT, CommandTest

SMALL = ("--features", "2000", "--fields", "12")


class Datagen(CommandTest):
    def test_the_seed_decides(self):
        first = self.succeed("datagen", "--rows", "300", "--quiet").out
        self.assertEqual(len(first.splitlines()), 300)
        self.assertEqual(self.succeed("datagen", "--rows", "300", "--quiet").out, first)
        self.assertEqual(self.succeed("datagen", "--rows", "100", "--quiet").out, "".join(first.splitlines(True)[:100]))
        self.assertNotEqual(self.succeed("datagen", "--rows", "300", "--seed", "2", "--quiet").out, first)
        self.assertNotEqual(self.succeed("datagen", "--rows", "300", "--model-seed", "2", "--quiet").out, first)

    def test_a_learner_gets_near_the_planted_model(self):
        self.succeed("datagen", "--rows", "60000", *SMALL, "--out", "train.svm", "--quiet")
        test = self.succeed("datagen", "--rows", "20000", *SMALL, "--seed", "2", "--out", "test.svm", "--json",
                            "--weights", "w.tsv").json()
        self.assertEqual(test["rows"], 20000)
        report = self.succeed("train", "train.svm", "--valid", "test.svm", "--l1", "0.5", "--passes", "2", "--json",
                              "--quiet").json()
        self.assertGreater(report["valid"]["log_loss"], test["log_loss"] - 0.003)
        self.assertLess(report["valid"]["log_loss"], test["log_loss"] * 1.05)
        planted = dict(line.split("\t") for line in (self.folder / "w.tsv").read_text().splitlines())
        self.assertAlmostEqual(len(planted) / 2000, 0.3, delta=0.05)
        learned = dict(line.split("\t") for line in self.succeed("table", "dump").out.splitlines())
        both = [(float(learned[k]), float(planted[k])) for k in learned if k in planted and abs(float(learned[k])) > 0.5]
        self.assertGreater(len(both), 20)
        self.assertGreater(sum(a * b > 0 for a, b in both) / len(both), 0.9)

    def test_formats(self):
        for name in ("libsvm", "libfm", "libffm", "vw", "criteo", "csv"):
            out = f"rows.{name}.gz"
            self.succeed("datagen", "--rows", "2000", "--format", name, "--out", out, "--schema-out", "s.toml", "--quiet",
                         "--features", "5000")
            self.assertEqual(len(gzip.decompress((self.folder / out).read_bytes()).splitlines()), 2000 + (name == "csv"))
            schema = ("--schema", "s.toml") if name == "csv" else ()
            report = self.succeed("train", out, "--json", "--quiet", *schema).json()
            self.assertEqual((report["rows"], report["format"]), (2000, name))

    def test_piped_into_train(self):
        command = f"{BINARY} datagen --rows 50000 --quiet | {BINARY} train - --json --quiet --servers 1 --workers 2"
        done = subprocess.run(command, shell=True, cwd=self.folder, env=self.environment, capture_output=True,
                              timeout=TIME_LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b'"rows":50000', done.stdout)

    def test_a_reader_that_goes_away(self):
        done = subprocess.run(f"{BINARY} datagen --rows 1000000000 | head -3; echo ${{PIPESTATUS[0]}}", shell=True,
                              executable="/bin/bash", capture_output=True, timeout=TIME_LIMIT, check=False)
        self.assertEqual(done.stdout.decode().splitlines()[-1], "0")
        self.assertEqual(len(done.stdout.splitlines()), 4)
        self.assertEqual(done.stderr, b"")

    def test_the_report(self):
        self.assertRegex(self.succeed("datagen", "--rows", "5000", "--out", "a.svm").out,
                         r"^5,000 rows, \d+\.\d\d % positive, log loss 0\.\d{6} by the planted model\n$")
        self.assertIn("by the planted model", self.succeed("datagen", "--rows", "10").err)
        self.assertEqual(self.succeed("datagen", "--rows", "0", "--out", "b.svm").out, "0 rows\n")

    def test_refusals(self):
        self.assertIn("--rows N is missing", self.fail_with(2, "datagen"))
        self.assertIn("--density must be a number from 0 to 1", self.fail_with(2, "datagen", "--rows", "1", "--density", "2"))
        self.assertIn("a Criteo row has 39 fields",
                      self.fail_with(2, "datagen", "--rows", "1", "--format", "criteo", "--fields", "5"))
        self.assertIn("as many features", self.fail_with(2, "datagen", "--rows", "1", "--fields", "5", "--features", "4"))
        self.assertIn("--format must be one of", self.fail_with(2, "datagen", "--rows", "1", "--format", "parquet"))
        self.assertIn("add --out FILE", self.run_command("datagen", "--rows", "1", "--json").err)
        self.assertIn("directory", self.fail_with(65, "datagen", "--rows", "1", "--out", "no/a.svm"))
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name != "tmp"], [])


if __name__ == "__main__":
    unittest.main()

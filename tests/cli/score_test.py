"""predict and evaluate: alignment with the input, formats, bad rows, refusals; against an oracle in Python."""
import gzip
import json
import math
import subprocess
import unittest

from command import BINARY, CommandTest, svm_rows


def auc(scores, labels):
    """The share of (positive, negative) pairs in order, ties counting half."""
    positives = [s for s, y in zip(scores, labels) if y == 1]
    negatives = [s for s, y in zip(scores, labels) if y == 0]
    wins = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return wins / (len(positives) * len(negatives))


class Score(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("train.svm", svm_rows(2000))
        self.write("test.svm", svm_rows(300, seed=2))
        self.succeed("train", "train.svm", "--model", "m", "--quiet", "--l1", "0.1")
        dump = self.succeed("table", "dump", "--model", "m").out
        self.weights = {int(k): float(w) for k, w in (line.split("\t") for line in dump.splitlines())}
        self.rows = [line.split() for line in (self.folder / "test.svm").read_text().splitlines()]
        self.margins = [sum(self.weights.get(int(f.split(":")[0]), 0.0) for f in row[1:]) for row in self.rows]
        self.labels = [int(row[0]) for row in self.rows]

    def predict(self, *arguments, stdin: bytes = b"") -> list[float]:
        return [float(line) for line in self.succeed("predict", *arguments, "--model", "m", stdin=stdin).out.split()]

    def assert_near(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            self.assertAlmostEqual(a, b, places=5)

    def test_probabilities_and_margins_in_input_order(self):
        self.assert_near(self.predict("test.svm", "--raw"), self.margins)
        self.assert_near(self.predict("test.svm"), [1 / (1 + math.exp(-m)) for m in self.margins])

    def test_labels_are_optional_and_not_looked_at(self):
        unlabelled = "".join(" ".join(row[1:]) + "\n" for row in self.rows)
        self.write("unlabelled.svm", unlabelled)
        self.assert_near(self.predict("unlabelled.svm", "--raw"), self.margins)
        self.write("odd.svm", "".join("7 " + " ".join(row[1:]) + "\n" for row in self.rows))
        self.assert_near(self.predict("odd.svm", "--raw"), self.margins)

    def test_standard_input_gz_and_several_files(self):
        text = (self.folder / "test.svm").read_bytes()
        self.assert_near(self.predict("-", "--raw", stdin=text), self.margins)
        self.write("test.svm.gz", gzip.compress(text))
        self.assert_near(self.predict("test.svm.gz", "--raw"), self.margins)
        self.assert_near(self.predict("test.svm", "test.svm", "--raw"), self.margins * 2)

    def test_a_skipped_row_is_a_nan_line(self):
        lines = (self.folder / "test.svm").read_text().splitlines()
        lines[0] = "1 x:1"
        lines[7] = "1 5:y"
        lines[-1] = "1 :"
        self.write("bad.svm", "\n".join(lines) + "\n")
        self.assertIn("bad.svm:1: ", self.fail_with(65, "predict", "bad.svm", "--model", "m", "--out", "p.txt"))
        found = self.predict("bad.svm", "--raw", "--bad-rows-max", "3")
        self.assertEqual([i for i, p in enumerate(found) if math.isnan(p)], [0, 7, len(lines) - 1])
        self.assertAlmostEqual(found[8], self.margins[8], places=5)

    def test_a_file_appears_when_it_is_complete(self):
        self.succeed("predict", "test.svm", "--model", "m", "--out", "p.txt")
        self.assertEqual((self.folder / "p.txt").read_text(),
                         self.succeed("predict", "test.svm", "--model", "m").out)
        before = (self.folder / "p.txt").read_bytes()
        self.write("bad.svm", "1 1:1\n1 x:1\n")
        self.fail_with(65, "predict", "bad.svm", "--model", "m", "--out", "p.txt")
        self.assertEqual((self.folder / "p.txt").read_bytes(), before)
        self.assertEqual(sorted(p.name for p in self.folder.glob("p.txt*")), ["p.txt"])

    def test_places_that_cannot_be_written(self):
        self.assertIn("the directory to write into does not exist",
                      self.fail_with(65, "predict", "test.svm", "--model", "m", "--out", "no/p.txt"))
        self.assertIn("is a directory", self.fail_with(2, "predict", "test.svm", "--model", "m", "--out", "tmp"))
        self.assertIn("No space left", self.fail_with(1, "predict", "test.svm", "--model", "m", "--out", "/dev/full"))

    def test_a_reader_that_goes_away_is_no_failure(self):
        self.write("long.svm", (self.folder / "test.svm").read_text() * 200)
        for words in ("predict long.svm --model m", "table dump --all --model m", "help --markdown"):
            done = subprocess.run(["bash", "-c", f"set -o pipefail; {BINARY} {words} | head -n 1"], cwd=self.folder,
                                  capture_output=True, env=self.environment, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""), words)
            self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_evaluate_agrees_with_an_oracle(self):
        report = self.succeed("evaluate", "test.svm", "--model", "m", "--json").json()
        probabilities = [1 / (1 + math.exp(-m)) for m in self.margins]
        losses = [-math.log(p if y == 1 else 1 - p) for p, y in zip(probabilities, self.labels)]
        count = len(self.labels)
        self.assertEqual(report["rows"], count)
        self.assertAlmostEqual(report["log_loss"], sum(losses) / count, places=5)
        self.assertAlmostEqual(report["auc"], auc(self.margins, self.labels), places=4)
        right = sum((m > 0) == (y == 1) for m, y in zip(self.margins, self.labels))
        self.assertAlmostEqual(report["accuracy"], right / count, places=6)
        self.assertAlmostEqual(report["calibration"], sum(probabilities) / sum(self.labels), places=5)
        self.assertNotIn("rmse", report)
        text = self.succeed("evaluate", "test.svm", "--model", "m").out
        self.assertIn(f"{report['log_loss']:.6f}", text)

    def test_evaluate_needs_labels(self):
        self.write("unlabelled.svm", "5:1 7:1\n")
        self.fail_with(65, "evaluate", "unlabelled.svm", "--model", "m")
        self.write("odd.svm", "7 1:1\n")
        self.assertIn("odd.svm:1: ", self.fail_with(65, "evaluate", "odd.svm", "--model", "m"))
        self.assertEqual(self.succeed("evaluate", "odd.svm", "--model", "m", "--label", "> 5", "--json").json()["rows"], 1)

    def test_no_model_and_a_broken_one(self):
        self.assertIn("nowhere", self.fail_with(65, "predict", "test.svm", "--model", "nowhere"))
        self.fail_with(65, "evaluate", "test.svm", "--model", "tmp")
        ended = self.run_command("evaluate", "test.svm", "--model", "nowhere", "--json")
        self.assertEqual((ended.code, json.loads(ended.out)["status"]), (65, "error"))
        for path in sorted((self.folder / "m").iterdir()):
            whole = path.read_bytes()
            path.write_bytes(whole[:-3])
            self.fail_with(65, "predict", "test.svm", "--model", "m")
            path.write_bytes(whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:])
            self.fail_with(65, "predict", "test.svm", "--model", "m")
            path.write_bytes(whole)
        self.succeed("predict", "test.svm", "--model", "m")


class ScoreColumns(CommandTest):
    SCHEMA = '[label]\ncolumn = "late"\n[features]\nfrom = { column = "from" }\nto = { column = "to" }\n'

    def setUp(self):
        super().setUp()
        self.write("trips.toml", self.SCHEMA)
        rows = "".join(f"{int(i % 3 == 0)},{'ABC'[i % 3]},{'XY'[i % 2]}\n" for i in range(600))
        self.write("trips.csv", "late,from,to\n" + rows)
        self.succeed("train", "trips.csv", "--schema", "trips.toml", "--keep-names", "--model", "m", "--quiet",
                     "--l1", "0")

    def test_the_model_brings_its_schema(self):
        self.assertGreater(self.succeed("evaluate", "trips.csv", "--model", "m", "--json").json()["auc"], 0.99)
        self.write("new.csv", "to,from\nX,A\nY,B\n")
        found = [float(p) for p in self.succeed("predict", "new.csv", "--model", "m").out.split()]
        self.assertGreater(found[0], 0.5)
        self.assertLess(found[1], 0.5)

    def test_another_schema_is_refused_with_the_difference(self):
        self.write("same.toml", "# only a comment\n\n" + self.SCHEMA.replace("[features]", "  [features]  # spaced"))
        self.succeed("evaluate", "trips.csv", "--model", "m", "--schema", "same.toml")
        self.write("other.toml", self.SCHEMA.replace('to = { column = "to" }', 'to = { column = "via" }'))
        line = self.fail_with(65, "evaluate", "trips.csv", "--model", "m", "--schema", "other.toml")
        self.assertIn("other.toml: ", line)
        self.assertIn('''the model has 'to = { column = "to" }' where this file has 'to = { column = "via" }\'''', line)

    def test_another_kind_of_input_is_refused(self):
        self.write("rows.svm", "1 1:1\n")
        self.assertIn("rows.svm: the model m was trained on features by name",
                      self.fail_with(65, "predict", "rows.svm", "--model", "m"))
        self.succeed("train", "rows.svm", "--model", "ids", "--quiet")
        self.assertIn("trips.csv: the model ids was trained on numeric feature ids",
                      self.fail_with(65, "predict", "trips.csv", "--model", "ids"))
        self.assertIn("the model has no schema",
                      self.fail_with(65, "predict", "trips.csv", "--model", "ids", "--schema", "trips.toml"))

    def test_inspect_shows_names(self):
        text = self.succeed("inspect", "m", "--top", "3").out
        self.assertRegex(text, r"from.*A")


if __name__ == "__main__":
    unittest.main()

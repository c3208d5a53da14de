"""Formats besides libsvm: what train reads, predict and evaluate read, packed or not, from files or standard input."""
import gzip
import random
import unittest

from command import CommandTest, svm_rows


def vw_rows(count: int, seed: int = 1) -> str:
    """The rows of svm_rows() as VW text with one namespace."""
    lines = []
    for line in svm_rows(count, seed).splitlines():
        label, *features = line.split()
        lines.append(f"{1 if label == '1' else -1} |f " + " ".join("w" + f for f in features))
    return "\n".join(lines) + "\n"


def criteo_rows(count: int, seed: int = 1) -> str:
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        integers = ["" if draw.random() < 0.2 else str(int(draw.expovariate(0.01)) - 1) for _ in range(13)]
        categories = ["" if draw.random() < 0.1 else "%08x" % draw.randrange(20) for _ in range(26)]
        label = int(draw.random() < (0.9 if categories[0] in ("00000001", "00000002", "00000003", "00000004") else 0.1))
        lines.append("\t".join([str(label), *integers, *categories]))
    return "\n".join(lines) + "\n"


class Formats(CommandTest):
    def train(self, *arguments, stdin: bytes = b"") -> dict:
        return self.succeed("train", *arguments, "--json", "--quiet", stdin=stdin).json()

    def dump(self, model: str = "./steelyard-model") -> str:
        return self.succeed("table", "dump", "--all", "--model", model).out

    def test_vw_text(self):
        self.write("a.vw", vw_rows(5000))
        report = self.train("a.vw", "--holdout", "every", "--keep-names", "--l1", "0.1")
        self.assertEqual((report["format"], report["features"]), ("vw", 50))
        self.assertGreater(report["valid"]["auc"], 0.9)
        names = {feature["name"] for feature in self.succeed("inspect", "--top", "100", "--json").json()["top"]}
        self.assertEqual(names, {f"f=w{i}" for i in range(1, 51)})
        expected = self.dump()
        self.write("b", vw_rows(5000))
        self.assertEqual(self.train("b", "--holdout", "every", "--l1", "0.1")["format"], "vw")
        self.assertEqual(self.dump(), expected)
        text = vw_rows(5000).encode()
        self.train("-", "--holdout", "every", "--l1", "0.1", stdin=text)
        expected = self.dump()
        self.train("-", "--holdout", "every", "--l1", "0.1", "--servers", 1, "--workers", 1, stdin=gzip.compress(text))
        self.assertEqual(self.dump(), expected)
        self.write("new.vw", "".join("|" + line.split("|")[1] + "\n" for line in vw_rows(100, 2).splitlines()))
        self.write("labelled.vw", vw_rows(1000, 2))
        self.assertEqual(len(self.succeed("predict", "new.vw").out.splitlines()), 100)
        self.assertGreater(self.succeed("evaluate", "labelled.vw", "--json").json()["auc"], 0.9)

    def test_criteo_logs(self):
        text = criteo_rows(4000)
        self.write("day.txt", text)
        report = self.train("day.txt", "--holdout", "every", "--keep-names", "--l1", "0.1")
        self.assertEqual(report["format"], "criteo")
        self.assertGreater(report["valid"]["auc"], 0.8)
        names = {feature["name"] for feature in self.succeed("inspect", "--top", "5000", "--json").json()["top"]}
        self.assertIn("C1=00000001", names)
        self.assertTrue(any(name.startswith("I13=b") for name in names))
        self.assertGreater(self.succeed("evaluate", "day.txt", "--json").json()["auc"], 0.8)
        self.write("new.tsv", "".join(line.split("\t", 1)[1] + "\n" for line in text.splitlines()[:200]))
        predictions = self.succeed("predict", "new.tsv").out.splitlines()
        self.assertEqual(len(predictions), 200)
        with_labels = self.succeed("predict", "day.txt").out.splitlines()[:200]
        self.assertEqual(predictions, with_labels)

    def test_what_was_guessed_is_said(self):
        self.write("rows.txt", vw_rows(50))
        self.write("rows.vw", vw_rows(50))
        said = "read as vw, by its content; --format overrides"
        self.assertIn(said, self.succeed("train", "rows.txt").out)
        self.assertNotIn(said, self.succeed("train", "rows.vw").out)
        self.assertNotIn(said, self.succeed("train", "rows.txt", "--format", "vw").out)
        self.write("ratings.txt", "1\t7\t5\n" * 9)
        self.assertIn("say --format", self.fail_with(65, "train", "ratings.txt", "--quiet"))

    def test_libfm_and_libffm_learn_what_libsvm_learns(self):
        text = svm_rows(2000)
        self.write("a.svm", text)
        self.train("a.svm")
        expected = self.dump()
        self.write("a.libfm", text)
        self.assertEqual(self.train("a.libfm")["format"], "libfm")
        self.assertEqual(self.dump(), expected)
        self.write("a.ffm", "\n".join(line[:2] + " ".join("3:" + f for f in line[2:].split()) for line in text.splitlines()))
        self.assertEqual(self.train("a.ffm")["format"], "libffm")
        self.assertEqual(self.dump(), expected)

    def test_names_are_keys_in_every_format(self):
        self.write("s.toml", '[label]\ncolumn = "y"\n[features]\nfrom = { column = "from" }\n'
                             'age = { column = "age", numeric = true }\n')
        draw = random.Random(3)
        rows = [(draw.randrange(2), "ABC"[draw.randrange(3)], draw.randrange(9) / 4) for _ in range(500)]
        self.write("t.csv", "y,from,age\n" + "".join(f"{y},{f},{a}\n" for y, f, a in rows))
        self.write("t.vw", "".join(f"{y} |from {f} | age:{a}\n" for y, f, a in rows))
        self.train("t.csv", "--schema", "s.toml", "--model", "csv", "--l1", "0")
        self.train("t.vw", "--model", "vw", "--l1", "0")
        self.assertEqual(self.dump("csv"), self.dump("vw"))
        self.assertEqual(self.succeed("predict", "t.vw", "--model", "csv").out,
                         self.succeed("predict", "t.csv", "--model", "csv").out)
        self.assertIn("trained on features by name",
                      self.fail_with(65, "predict", self.write("a.svm", "1 1:1\n"), "--model", "csv"))

    def test_bad_rows_are_named(self):
        for name, text, said in (("a.vw", "1 |f a\n1|f a\n", "a.vw:2: no label: '1' touches the |"),
                                 ("a.criteo", criteo_rows(3) + "1\t2\n", "a.criteo:4: found 2 fields"),
                                 ("a.ffm", "1 1:2:3\n1 1:2\n", "a.ffm:2: expected field:id:value")):
            self.write(name, text)
            self.assertIn(said, self.fail_with(65, "train", name, "--quiet"))
            self.assertEqual(self.train(name, "--bad-rows-max", "1")["bad_rows"], 1)
        self.assertIn("a schema (", self.fail_with(2, "train", "a.vw", "--quiet", "--schema", self.write("s.toml", "[label]\n")))


if __name__ == "__main__":
    unittest.main()

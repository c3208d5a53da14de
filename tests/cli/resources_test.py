"""Goal: a run takes the memory and disk that it was given, and says so when they do not suffice."""
import json
import pathlib
import subprocess
import unittest

from command import BINARY, SANITIZED, TIME_LIMIT, CommandTest, svm_rows


class RowCache(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("train.svm", svm_rows(4000, features=500))

    def model_of(self, name: str, *arguments) -> str:
        """The model's weights, as lines."""
        self.succeed("train", "train.svm", "--passes", 3, "--holdout", "every", "--quiet", "--model", name, *arguments)
        weights = self.succeed("table", "dump", "--model", name, "--all").out
        self.assertGreater(len(weights.splitlines()), 400)
        return weights

    def cached(self) -> list[pathlib.Path]:
        return sorted((self.folder / "rows").iterdir())

    def test_the_model_is_the_same_with_and_without(self):
        plain = self.model_of("plain")
        self.assertFalse((self.folder / "rows").exists())
        self.assertEqual(self.model_of("first", "--cache", "rows"), plain)
        kept = {path: path.stat().st_mtime_ns for path in self.cached()}
        self.assertGreater(len(kept), 0)
        self.assertTrue(all(path.suffix == ".rows" for path in kept))
        self.assertEqual(self.model_of("second", "--cache", "rows", "--servers", 1, "--workers", 1), plain)
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.cached()}, kept, "nothing is written again")

    def test_a_damaged_cache_is_mended(self):
        plain = self.model_of("first", "--cache", "rows")
        for path in self.cached():
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        self.assertEqual(self.model_of("again", "--cache", "rows"), plain)

    def test_what_is_refused(self):
        self.assertIn("--cache", self.fail_with(2, "train", "-", "--cache", "rows", stdin=b"1 1:1\n"))
        self.write("file", "")
        self.assertIn("file/rows", self.fail_with(1, "train", "train.svm", "--quiet", "--cache", "file/rows"))
        self.assertIn("got nothing", self.fail_with(2, "train", "train.svm", "--quiet", "--cache", ""))

    def test_a_dry_run_keeps_nothing(self):
        self.succeed("train", "train.svm", "--cache", "rows", "--dry-run")
        self.assertFalse((self.folder / "rows").exists())


class StreamMemory(CommandTest):
    @unittest.skipIf(SANITIZED, "a sanitizer keeps freed memory")
    def test_it_does_not_grow_with_the_rows(self):
        """Few features, so that the table has its size early: the rest is what grows, if something does."""
        def peak(rows: int) -> int:
            make = [BINARY, "datagen", "--rows", str(rows), "--features", "5000", "--fields", "10", "--quiet"]
            with subprocess.Popen(make, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as datagen:
                train = subprocess.run([BINARY, "train", "-", "--model", "m", "--json", "--quiet"], stdin=datagen.stdout,
                                       capture_output=True, cwd=self.folder, env=self.environment, timeout=TIME_LIMIT,
                                       check=True)
            report = json.loads(train.stdout)
            self.assertEqual(report["rows"], rows)
            return report["peak_memory_bytes"]
        few, many = peak(250_000), peak(1_500_000)
        self.assertLess(many, few + 4_000_000, "1,250,000 rows more are 100 MB of text")


class TableMemory(CommandTest):
    def setUp(self):
        super().setUp()
        # 200,000 features, each in one row.
        self.write("wide.svm", "".join(f"{row % 2} " + " ".join(f"{row * 50 + i}:1" for i in range(50)) + "\n" for row in range(4000)))

    def test_new_features_beyond_it_end_the_job(self):
        for processes in ((), ("--servers", 2, "--workers", 2)):
            line = self.fail_with(75, "train", "wide.svm", "--quiet", "--memory-max", "4MB", *processes)
            for word in ("--memory-max", "new keys of table", f"{2 if processes else 4} MB", "more servers"):
                self.assertIn(word, line)
            self.assertFalse((self.folder / "steelyard-model").exists())

    def test_enough_of_it_changes_nothing(self):
        report = self.succeed("train", "wide.svm", "--quiet", "--json", "--memory-max", "100 MB").json()
        self.assertEqual(report["features"], 200_000)

    def test_sizes_are_read_as_people_write_them(self):
        for size in ("4", "4 apples", "-4GB", "0MB", ""):
            line = self.fail_with(2, "train", "wide.svm", "--quiet", "--memory-max", size)
            self.assertIn("--memory-max must be a number and a unit", line)
            self.assertIn(f"got {size or 'nothing'}", line)
        for command in (("server", "--head", "127.0.0.1:1"), ("up",)):
            self.assertIn("--memory-max must be a number and a unit", self.fail_with(2, *command, "--memory-max", "4"))
        line = self.fail_with(2, "train", "wide.svm", "--memory-max", "4GB", "--cluster", "127.0.0.1:1")
        self.assertIn("those of a cluster have their own", line)


if __name__ == "__main__":
    unittest.main()

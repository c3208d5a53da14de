"""Goal: `--solver dbpg` and `--solver owlqn` end at the optimum of sum of losses + |w|_1, for any delay and number of
workers and servers.
Method: liblinear's optima of the same files; the objective is computed again from `table dump`."""
import lzma
import math
import pathlib
import subprocess

import solving
import training

# Source: the README of the data folder, table of l1-regularised logistic regression.
OPTIMA = {"imdb.uni": 8673.7314, "imdb.bi": 9068.7832, "pop": 41703.4458, "pop-permuted": 41703.4458}
OPTIMA["clicks"] = 78323.4332  # LIBLINEAR 2.30, `-s 6 -e 1e-5`.


def unpack(folder: pathlib.Path, name: str) -> str:
    packed = training.DATA / f"{name}.train.svm.xz"
    (folder / f"{name}.svm").write_bytes(lzma.decompress(packed.read_bytes()))
    return f"{name}.svm"


def generate_popular(folder: pathlib.Path, *flags: str) -> str:
    name = "pop-permuted.svm" if flags else "pop.svm"
    subprocess.run(["python3", training.DATA / "popular_gen.py", "100000", "100000", "30", "1", folder / name, *flags],
                   check=True)
    return name


def objective_of(folder: pathlib.Path, rows: str) -> float:
    """|w|_1 plus the logistic loss of every row, by the weights that `table dump` prints."""
    dump = subprocess.run([training.BINARY, "table", "dump", "--model", "model"], cwd=folder, capture_output=True,
                          text=True, timeout=training.TIME_LIMIT, check=True).stdout
    weights = {key: float(value) for key, value in (line.split("\t") for line in dump.splitlines())}
    total = sum(map(abs, weights.values()))
    with open(folder / rows, encoding="ascii") as lines:
        for line in lines:
            label, *features = line.split()
            margin = 0.0
            for feature in features:
                key, value = feature.split(":")
                if key in weights:
                    margin += weights[key] * float(value)
            wrong = -margin if float(label) > 0 else margin
            total += max(wrong, 0.0) + math.log1p(math.exp(-abs(wrong)))
    return total


class Optimum(solving.TestCase):
    OPTIMA = OPTIMA

    def test_film_reviews(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            uni = unpack(folder, "imdb.uni")
            for flags in (["--tau", "0"], ["--tau", "4"], ["--tau", "16"],
                          ["--servers", "2", "--workers", "2"],
                          ["--servers", "1", "--workers", "4", "--tau", "4"]):
                result = self.solve(folder, uni, *flags)
                self.assertEqual(result["features"], 81_056)
                self.assertGreater(result["settled_fraction"], 0.9, "the filter works")
            found = objective_of(folder, uni)
            self.assertAlmostEqual(found, result["objective"], delta=1e-6 * found)
            bi = unpack(folder, "imdb.bi")
            for flags in ([], ["--servers", "2", "--workers", "3", "--tau", "4"]):
                self.solve(folder, bi, *flags)

    def test_popular_features_side_by_side_or_apart(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            for rows in (generate_popular(folder), generate_popular(folder, "--permute")):
                self.solve(folder, rows)
            self.solve(folder, rows, "--tau", "16", "--servers", "2", "--workers", "3")
            found = objective_of(folder, rows)
            self.assertLess(found, OPTIMA["pop"] * (1 + solving.WITHIN))

    def test_one_hot_fields(self):
        """Fields can shift against each other and no margin changes: decreases are small long before the optimum."""
        with training.scratch() as name:
            folder = pathlib.Path(name)
            subprocess.run([training.BINARY, "datagen", "--rows", "200000", "--features", "500000", "--out",
                            folder / "clicks.svm", "--quiet"], check=True)
            for flags in (["--tau", "0"], ["--tau", "2"], ["--workers", "3"]):
                self.solve(folder, "clicks.svm", *flags)

    def test_the_quasi_newton_baseline(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            uni = unpack(folder, "imdb.uni")
            digests = set()
            for flags in ([], ["--servers", "1", "--workers", "1"], ["--servers", "3", "--workers", "1"]):
                result = self.solve(folder, uni, "--solver", "owlqn", *flags)
                digests.add(training.dump_digest(folder, "model")[0])
            self.assertEqual(len(digests), 1, "the same bits whatever the servers")
            found = objective_of(folder, uni)
            self.assertAlmostEqual(found, result["objective"], delta=1e-6 * found)
            self.assertLess(result["objective"] - result["gap"], OPTIMA["imdb.uni"])
            self.solve(folder, generate_popular(folder), "--solver", "owlqn", "--servers", "2", "--workers", "3")

    def test_the_same_bits_at_delay_0_whatever_the_processes(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            uni = unpack(folder, "imdb.uni")
            digests = {}
            for flags in ([], ["--servers", "1", "--workers", "1"], ["--servers", "3", "--workers", "1"]):
                self.solve(folder, uni, "--tau", "0", *flags)
                digests[tuple(flags)], lines = training.dump_digest(folder, "model")
                self.assertEqual(lines, 81_056)
            for _ in range(2):
                self.solve(folder, uni, "--tau", "0", "--servers", "2", "--workers", "3")
                digests.setdefault("three workers", set()).add(training.dump_digest(folder, "model")[0])
            self.assertEqual(len(digests.pop("three workers")), 1, "the same from run to run")
            self.assertEqual(len(set(digests.values())), 1, digests)


if __name__ == "__main__":
    training.run_tests(training.DATA / "imdb.uni.train.svm.xz")

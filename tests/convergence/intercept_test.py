"""Goal: `--intercept` ends at the optimum of F with a constant that no penalty touches, wherever it is trained.
Method: the weights that `table dump` prints are judged without the program: F and its gradient are computed again from
the rows; a dual point made of them bounds the optimum from below; with a penalty that holds all weights at 0 the constant
is the log-odds of the labels."""
import json
import lzma
import math
import pathlib
import subprocess
import unittest

import training

ROWS = training.DATA / "a9a_123d_train.libsvm.xz"
INTERCEPT = str(2**64 - 1)


def read_rows(path: pathlib.Path) -> list[tuple[float, list[str]]]:
    rows = []
    for line in path.read_text(encoding="ascii").splitlines():
        label, *features = line.split()
        assert all(feature.endswith(":1") for feature in features)
        rows.append((1.0 if float(label) > 0 else -1.0, [feature.split(":")[0] for feature in features]))
    return rows


def dump(folder: pathlib.Path, model: str = "model") -> dict[str, float]:
    text = subprocess.run([training.BINARY, "table", "dump", "--model", model], cwd=folder, capture_output=True, text=True,
                          timeout=training.TIME_LIMIT, check=True).stdout
    return {key: float(value) for key, value in (line.split("\t") for line in text.splitlines())}


class Judged:
    """What weights are worth: the objective, its gradient, and a lower bound of the optimum (where l2 is 0)."""

    def __init__(self, rows, weights: dict[str, float], l1: float, l2: float):
        constant = weights.get(INTERCEPT, 0.0)
        others = {key: weight for key, weight in weights.items() if key != INTERCEPT}
        self.objective = l1 * sum(map(abs, others.values())) + l2 / 2 * sum(w * w for w in others.values())
        shares = []  # Of each row: minus its loss's derivative by the margin times its label, in (0, 1).
        for label, features in rows:
            wrong = -label * (constant + sum(others.get(key, 0.0) for key in features))
            self.objective += max(wrong, 0.0) + math.log1p(math.exp(-abs(wrong)))
            shares.append(1 / (1 + math.exp(-wrong)))
        gradient = self.gradient_of(rows, shares)
        self.of_intercept = gradient.pop(INTERCEPT)
        self.violation = 0.0
        for key, of_loss in gradient.items():
            weight = others.get(key, 0.0)
            slope = of_loss + l2 * weight
            self.violation = max(self.violation, abs(slope + math.copysign(l1, weight)) if weight else abs(slope) - l1)
        self.bound = self.dual(rows, shares, l1)

    @staticmethod
    def gradient_of(rows, shares) -> dict[str, float]:
        gradient: dict[str, float] = {INTERCEPT: 0.0}
        for (label, features), share in zip(rows, shares):
            gradient[INTERCEPT] -= label * share
            for key in features:
                gradient[key] = gradient.get(key, 0.0) - label * share
        return gradient

    def dual(self, rows, shares, l1: float) -> float:
        """The dual value at a feasible point: both classes weigh the same, and no feature's sum exceeds l1."""
        of_class = {side: sum(share for (label, _), share in zip(rows, shares) if label == side) for side in (1.0, -1.0)}
        least = min(of_class.values())
        balanced = [share * least / of_class[label] for (label, _), share in zip(rows, shares)]
        gradient = self.gradient_of(rows, balanced)
        assert abs(gradient.pop(INTERCEPT)) < 1e-6
        scale = min(1.0, l1 / max(map(abs, gradient.values())))
        return -sum(a * math.log(a) + (1 - a) * math.log1p(-a) for a in (scale * share for share in balanced))


class Intercept(unittest.TestCase):
    def unpack(self, folder: pathlib.Path):
        (folder / "rows.svm").write_bytes(lzma.decompress(ROWS.read_bytes()))
        rows = read_rows(folder / "rows.svm")
        self.assertEqual(len(rows), 32_561)
        return rows

    def test_both_batch_solvers_end_at_the_optimum(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            rows = self.unpack(folder)
            without = training.train(folder, "rows.svm", "--solver", "dbpg", "--l1", "20")["objective"]
            found = []
            for flags in (["--solver", "dbpg"], ["--solver", "dbpg", "--filters", "none"], ["--solver", "owlqn"],
                          ["--solver", "dbpg", "--servers", "2", "--workers", "3", "--tau", "4"],
                          ["--solver", "owlqn", "--servers", "2", "--workers", "2"]):
                result = training.train(folder, "rows.svm", "--intercept", "--l1", "20", "--tolerance", "1e-7", *flags)
                judged = Judged(rows, dump(folder), 20.0, 0.0)
                what = json.dumps({"flags": flags, "reported": result["objective"], **vars(judged)})
                self.assertTrue(result["certified"], what)
                self.assertNotIn("gap", result, "an intercept leaves no dual point to compute it at")
                self.assertAlmostEqual(judged.objective, result["objective"], delta=1e-6 * judged.objective, msg=what)
                self.assertLess(judged.objective - judged.bound, 5e-4 * judged.objective, what)
                self.assertLess(abs(judged.of_intercept), 3.0, what)
                self.assertLess(judged.objective, without - 1.0, "a constant helps where labels are 24 % to 76 %")
                found.append(judged.objective)
            self.assertLess(max(found) - min(found), 1e-5 * min(found), found)

    def test_an_elastic_net_leaves_it_alone(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            rows = self.unpack(folder)
            for solver in ("dbpg", "owlqn"):
                result = training.train(folder, "rows.svm", "--intercept", "--l1", "5", "--l2", "300", "--solver", solver,
                                        "--tolerance", "1e-8")
                judged = Judged(rows, dump(folder), 5.0, 300.0)
                what = json.dumps({"solver": solver, "reported": result["objective"], **vars(judged)})
                self.assertAlmostEqual(judged.objective, result["objective"], delta=1e-6 * judged.objective, msg=what)
                self.assertLess(judged.violation, 3.0, what)
                self.assertLess(abs(judged.of_intercept), 3.0, what)

    def test_alone_it_is_the_log_odds(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            rows = self.unpack(folder)
            positives = sum(label > 0 for label, _ in rows)
            odds = math.log(positives / (len(rows) - positives))
            places = ([], ["--servers", "2", "--workers", "2"])
            for solver, delta in (("dbpg", 1e-4), ("owlqn", 1e-4), ("ftrl", 0.2), ("adagrad", 0.2), ("sgd", 1.0)):
                for place in places:
                    extra = ["--tolerance", "1e-9"] if solver in ("dbpg", "owlqn") else ["--alpha", "0.02"]
                    result = training.train(folder, "rows.svm", "--intercept", "--l1", "1e9", "--solver", solver, *extra,
                                            *place)
                    weights = dump(folder)
                    self.assertEqual(list(weights), [INTERCEPT], (solver, place))
                    self.assertAlmostEqual(weights[INTERCEPT], odds, delta=delta, msg=f"{solver} {place}")
                    self.assertEqual(result["nonzeros"], 1)

    def test_the_same_bits_in_one_process_and_in_several(self):
        with training.scratch() as name:
            folder = pathlib.Path(name)
            self.unpack(folder)
            for solver in (["dbpg", "--tau", "0"], ["owlqn"], ["ftrl"], ["adagrad"], ["sgd"], ["adam"]):
                digests = set()
                for place in ([], ["--servers", "1", "--workers", "1"], ["--servers", "3", "--workers", "1"]):
                    training.train(folder, "rows.svm", "--intercept", "--solver", *solver, *place)
                    digest, lines = training.dump_digest(folder, "model")
                    self.assertEqual(lines, 124)
                    digests.add(digest)
                self.assertEqual(len(digests), 1, solver)


if __name__ == "__main__":
    training.run_tests(ROWS)

"""train --intercept: what it learns, and that every command that meets such a model knows of the constant."""
import math
import unittest

from command import CommandTest, svm_rows

INTERCEPT = str(2**64 - 1)
KEY = 16490336266968443936  # Of this id, and of the intercept where features have names.
SOLVERS = ("ftrl", "sgd", "adagrad", "adam", "dbpg", "owlqn")
CSV = "clicked,town,age\n" + "".join(f"{int(i % 4 == 0)},{'NLPX'[i % 4]},{i % 7}\n" for i in range(400))
SCHEMA = '[label]\ncolumn = "clicked"\n[features]\ntown = { column = "town" }\nage = { column = "age", numeric = true }\n'


class Intercept(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("rows.svm", svm_rows(600))

    def weights(self, model: str = "steelyard-model") -> dict:
        lines = self.succeed("table", "dump", "--model", model).out.splitlines()
        return {key: float(value) for key, value in (line.split("\t") for line in lines)}

    def test_predictions_have_it_in_every_solver(self):
        rows = (self.folder / "rows.svm").read_text().splitlines()
        for solver in SOLVERS:
            self.succeed("train", "rows.svm", "--intercept", "--solver", solver, "--quiet")
            weights = self.weights()
            self.assertIn(INTERCEPT, weights, solver)
            margins = self.succeed("predict", "rows.svm", "--raw").out.splitlines()
            self.assertEqual(len(margins), 600)
            for row, margin in list(zip(rows, margins))[:50]:
                wanted = weights[INTERCEPT]
                for feature in row.split()[1:]:
                    key, value = feature.split(":")
                    wanted += weights.get(key, 0.0) * float(value)
                self.assertAlmostEqual(float(margin), wanted, delta=1e-4, msg=solver)

    def test_validation_while_training_is_that_of_evaluate(self):
        for solver in SOLVERS:
            run = self.succeed("train", "rows.svm", "--intercept", "--solver", solver, "--valid", "rows.svm", "--json",
                               "--quiet").json()
            judged = self.succeed("evaluate", "rows.svm", "--json").json()
            self.assertAlmostEqual(run["valid"]["log_loss"], judged["log_loss"], delta=1e-5, msg=solver)
            held = self.succeed("train", "rows.svm", "--intercept", "--solver", solver, "--holdout", "every", "--json",
                                "--quiet").json()
            self.assertGreater(held["valid"]["rows"], 30)

    def test_inspect_describe_and_dry_run_name_it(self):
        self.succeed("train", "rows.svm", "--intercept", "--quiet")
        report = self.succeed("inspect", "--top", "100", "--json").json()
        self.assertEqual([f["key"] for f in report["top"] if f["name"] == "(intercept)"], [str(KEY)])
        self.assertEqual(report["parameters"]["intercept"], "true")
        self.assertTrue(self.succeed("table", "describe", "--model", "steelyard-model", "--json").json()["updater"]["intercept"])
        self.assertIn("the intercept has neither", self.succeed("table", "describe", "--model", "steelyard-model").out)
        self.assertIn("(intercept)", self.succeed("train", "rows.svm", "--intercept", "--dry-run").out)
        self.assertNotIn("(intercept)", self.succeed("train", "rows.svm", "--dry-run").out)

    def test_names_and_a_cache(self):
        self.write("rows.csv", CSV)
        self.write("rows.toml", SCHEMA)
        for _ in range(2):  # The second time from the cache, which jobs without one fill and use alike.
            self.succeed("train", "rows.csv", "--schema", "rows.toml", "--intercept", "--keep-names", "--cache", "cache",
                         "--l1", "0.1", "--passes", "2", "--quiet")
            names = [f["name"] for f in self.succeed("inspect", "--json").json()["top"]]
            self.assertIn("(intercept)", names)
            self.assertIn("town=N", names)
        self.succeed("train", "rows.csv", "--schema", "rows.toml", "--cache", "cache", "--quiet")
        self.assertNotIn("(intercept)", self.succeed("inspect").out)

    def test_continuing_a_model(self):
        for solver in SOLVERS:
            with self.subTest(solver):
                first = self.succeed("train", "rows.svm", "--intercept", "--solver", solver, "--model", "first", "--json",
                                     "--quiet").json()
                again = self.succeed("train", "rows.svm", "--intercept", "--solver", solver, "--init", "first", "--json",
                                     "--quiet").json()
                if solver in ("dbpg", "owlqn"):
                    self.assertLess(again["passes"], first["passes"])
                    self.assertLess(again["objective"], first["objective"] * (1 + 1e-4))
                else:
                    self.assertLess(again["progressive_log_loss"], first["progressive_log_loss"])
                said = self.fail_with(65, "train", "rows.svm", "--solver", solver, "--init", "first")
                self.assertIn("it was trained with --intercept; add it to this job", said)
        self.succeed("train", "rows.svm", "--model", "without", "--quiet")
        self.succeed("train", "rows.svm", "--intercept", "--init", "without", "--quiet")
        self.assertIn(INTERCEPT, self.weights())

    def test_data_that_has_its_id(self):
        self.write("taken.svm", f"1 3:1\n0 4:1\n1 2:1 {INTERCEPT}:1\n")
        self.succeed("train", "taken.svm", "--quiet")
        for place in ([], ["--workers", "2"]):
            said = self.fail_with(65, "train", "taken.svm", "--intercept", "--quiet", *place)
            self.assertIn(f"row 2 (the first is 0) has feature {INTERCEPT}", said)
            self.assertIn("taken.svm", said)

    def test_batch_models_keep_weights_alone(self):
        for solver in ("dbpg", "owlqn"):
            run = self.succeed("train", "rows.svm", "--solver", solver, "--json", "--quiet").json()
            table = self.succeed("table", "describe", "--model", "steelyard-model", "--json").json()
            self.assertEqual((table["row_floats"], table["updater"]["name"], table["rows"]),
                             (1, "add", run["features"]))

    def test_adam(self):
        run = self.succeed("train", "rows.svm", "--solver", "adam", "--passes", "20", "--valid", "rows.svm", "--json",
                           "--quiet").json()
        self.assertLess(run["valid"]["log_loss"], 0.5)
        self.assertEqual(run["model"][-15:], "steelyard-model")
        two = self.succeed("train", "rows.svm", "--solver", "adam", "--passes", "20", "--valid", "rows.svm", "--json",
                           "--workers", "2", "--servers", "2", "--quiet").json()
        self.assertLess(two["valid"]["log_loss"], 0.5)
        for flag in ("--l1", "--l2"):
            self.assertIn("no length that a penalty",
                          self.fail_with(2, "train", "rows.svm", "--solver", "adam", flag, "1"))
        self.assertIn("did you mean adam?", self.fail_with(2, "train", "rows.svm", "--solver", "adma"))


if __name__ == "__main__":
    unittest.main()

"""train: what it reports and saves, what it refuses, and that the number of processes does not change what is learned."""
import gzip
import json
import math
import resource
import subprocess
import unittest

from command import BINARY, TIME_LIMIT, CommandTest, svm_rows

FIELDS = {"status", "rows", "features", "passes", "seconds", "read_seconds", "rows_per_second", "progressive_log_loss",
          "nonzeros", "traffic", "idle_fraction", "peak_memory_bytes", "model"}


class Train(CommandTest):
    def train(self, *arguments) -> dict:
        return self.succeed("train", *arguments, "--json", "--quiet").json()

    def test_the_report(self):
        self.write("train.svm", svm_rows(3000))
        report = self.train("train.svm", "--holdout", "every", "--passes", "2")
        self.assertLessEqual(FIELDS, report.keys())
        held_out = sum((r * 2654435761) % 2**32 < 429496729 for r in range(3000))
        self.assertEqual((report["status"], report["rows"], report["passes"]), ("ok", 3000 - held_out, 2))
        self.assertEqual(report["valid"].keys(), {"rows", "log_loss", "auc", "accuracy", "calibration"})
        self.assertEqual(report["valid"]["rows"], held_out)
        self.assertEqual(report["model"], "./steelyard-model")
        self.assertGreater(report["valid"]["auc"], 0.9)
        self.assertLess(report["valid"]["log_loss"], 0.4)
        self.assertEqual(report["features"], 50)
        self.assertGreater(report["traffic"]["pushed_bytes"], 0)
        self.assertEqual(list(report["stages"]), ["parse_ns", "localise_ns", "pull_ns", "compute_ns", "push_ns"])
        self.assertGreater(min(report["stages"].values()), 0)
        self.assertLess(sum(report["stages"][stage] for stage in ("parse_ns", "localise_ns", "compute_ns")) * 3000 * 8 * 2,
                        1e9 * 2 * report["seconds"], "time on processors is no more than there was")
        self.assertRegex(self.succeed("train", "train.svm", "--servers", "1", "--quiet").out,
                         r"\nper non-zero: parse [\d.]+ ns, localise [\d.]+ ns, compute [\d.]+ ns; pull [\d.]+ ns and push ")
        self.assertGreater(report["peak_memory_bytes"], 1 << 20)
        self.assertAlmostEqual(report["rows_per_second"], report["rows"] * 2 / report["seconds"], places=3)
        for absent in ("objective", "gap", "progressive_loss"):
            self.assertNotIn(absent, report)
        dump = self.succeed("table", "dump").out.splitlines()
        self.assertEqual(len(dump), report["nonzeros"])
        self.assertEqual(len(self.succeed("table", "dump", "--all").out.splitlines()), report["features"])

    def test_the_summary_ends_with_losses_and_model(self):
        self.write("train.svm", svm_rows(500))
        lines = self.succeed("train", "train.svm", "--holdout", "last:20%").out.splitlines()
        self.assertRegex(lines[-2], r"^held-out 100 rows: log loss \d\.\d+, AUC \d\.\d+, accuracy ")
        self.assertEqual(lines[-1], "model saved in ./steelyard-model")

    def test_per_row_ftrl(self):
        """One worker learns as per-row FTRL-Proximal does (McMahan et al., 2013), at any minibatch size."""
        self.write("train.svm", svm_rows(1000, features=30))
        alpha, beta, l1, l2 = 0.1, 1.0, 0.5, 0.1
        z, n, w = {}, {}, {}
        for line in (self.folder / "train.svm").read_text().splitlines():
            label, *features = line.split()
            keys = [int(f.split(":")[0]) for f in features]
            for k in keys:
                zk = z.get(k, 0.0)
                w[k] = 0.0 if abs(zk) <= l1 else (math.copysign(l1, zk) - zk) / ((beta + math.sqrt(n.get(k, 0.0))) / alpha + l2)
            g = 1 / (1 + math.exp(-sum(w[k] for k in keys))) - int(label)
            for k in keys:
                sigma = (math.sqrt(n.get(k, 0.0) + g * g) - math.sqrt(n.get(k, 0.0))) / alpha
                z[k] = z.get(k, 0.0) + g - sigma * w[k]
                n[k] = n.get(k, 0.0) + g * g
        expected = {k: (math.copysign(l1, z[k]) - z[k]) / ((beta + math.sqrt(n[k])) / alpha + l2)
                    for k in z if abs(z[k]) > l1}
        for minibatch in (1, 7, 128, 5000):
            self.train("train.svm", "--l1", l1, "--l2", l2, "--minibatch", minibatch)
            dump = dict(line.split("\t") for line in self.succeed("table", "dump").out.splitlines())
            self.assertEqual({int(k) for k in dump}, set(expected))
            for key, weight in dump.items():
                self.assertAlmostEqual(float(weight), expected[int(key)], places=4)

    def test_the_same_weights_with_any_number_of_servers(self):
        self.write("train.svm", svm_rows(4000, features=2000, active=20))
        self.train("train.svm", "--passes", "2", "--l1", "0.1")
        expected = self.succeed("table", "dump", "--all").out
        self.assertGreater(len(expected.splitlines()), 1000)
        for servers in (1, 2, 3):
            report = self.train("train.svm", "--passes", "2", "--l1", "0.1", "--servers", servers, "--workers", 1)
            self.assertEqual((report["servers"], report["workers"]), (servers, 1))
            self.assertEqual(self.succeed("table", "dump", "--all").out, expected, f"{servers} servers")

    def test_aggregated_workers_learn_the_same_bits_in_every_run(self):
        self.write("train.svm", svm_rows(4000))
        dumps = set()
        for run, servers in (("a", 1), ("b", 2), ("c", 2)):
            report = self.train("train.svm", "--workers", 3, "--servers", servers, "--tau", "0", "--aggregate",
                                "--minibatch", "16", "--model", run)
            self.assertEqual(report["staleness"]["max"], 0)
            self.assertGreater(report["nonzeros"], 10)
            dumps.add(self.succeed("table", "dump", "--all", "--model", run).out)
        self.assertEqual(len(dumps), 1)

    def test_two_workers_learn_about_as_well(self):
        self.write("train.svm", svm_rows(20000))
        self.write("valid.svm", svm_rows(2000, seed=9))
        alone = self.train("train.svm", "--valid", "valid.svm")
        pair = self.train("train.svm", "--valid", "valid.svm", "--servers", 2, "--workers", 2)
        self.assertEqual(pair["rows"], alone["rows"])
        self.assertEqual(pair["valid"]["rows"], 2000)
        self.assertLess(pair["valid"]["log_loss"], alone["valid"]["log_loss"] * 1.05)

    def test_solvers_and_tasks(self):
        self.write("train.svm", svm_rows(2000))
        for solver in ("ftrl", "sgd", "adagrad"):
            self.assertGreater(self.train("train.svm", "--solver", solver, "--holdout", "every", "--l1", 0)["valid"]["auc"], 0.85)
        for task, figure in (("hinge", "mean_loss"), ("squared_hinge", "mean_loss"), ("squared", "rmse")):
            report = self.train("train.svm", "--task", task, "--solver", "adagrad", "--holdout", "every", "--l1", 0)
            self.assertIn(figure, report["valid"])
            self.assertNotIn("log_loss", report["valid"])
            self.assertNotIn("progressive_log_loss", report)
            self.assertIn(figure, self.succeed("evaluate", "train.svm", "--json").json())

    def test_init_continues_a_model(self):
        rows = svm_rows(2000).splitlines(keepends=True)
        self.write("first.svm", "".join(rows[:1024]))
        self.write("second.svm", "".join(rows[1024:]))
        self.train("first.svm", "second.svm", "--model", "whole")
        self.train("first.svm", "--model", "half")
        self.train("second.svm", "--init", "half", "--model", "both")
        dumps = [dict(line.split("\t") for line in self.succeed("table", "dump", "--model", m).out.splitlines())
                 for m in ("whole", "both")]
        self.assertEqual(dumps[0].keys(), dumps[1].keys())
        for key, weight in dumps[0].items():
            self.assertAlmostEqual(float(weight), float(dumps[1][key]), places=5)
        self.assertIn("--solver ftrl, this job has --solver sgd",
                      self.fail_with(65, "train", "second.svm", "--init", "half", "--solver", "sgd"))
        self.assertIn("nowhere", self.fail_with(65, "train", "second.svm", "--init", "nowhere"))
        self.train("second.svm", "--init", "half", "--model", "half")  # A model may replace the one it came from.

    def test_early_stopping(self):
        self.write("train.svm", svm_rows(1000))
        report = self.train("train.svm", "--holdout", "every", "--passes", "50", "--tolerance", "0.01")
        self.assertTrue(report["stopped_early"])
        self.assertLess(report["passes"], 50)

    def test_early_stopping_keeps_the_best_pass(self):
        self.write("train.svm", svm_rows(200, features=200))  # Few rows: later passes learn them by heart.
        self.write("valid.svm", svm_rows(2000, seed=9, features=200))
        base = ("train.svm", "--valid", "valid.svm", "--l1", "0", "--alpha", "0.5")
        losses = [self.train(*base, "--passes", n)["valid"]["log_loss"] for n in range(1, 7)]
        best = losses.index(min(losses)) + 1
        self.assertLess(best, 6, losses)
        for processes in ((), ("--servers", "2", "--workers", "1")):
            report = self.train(*base, "--passes", "6", "--tolerance", "1e-9", *processes)
            self.assertEqual((report["kept_pass"], report["passes"]), (best, best + 1))
            self.assertEqual(report["valid"]["log_loss"], min(losses))
            saved = self.succeed("evaluate", "valid.svm", "--json").json()
            self.assertAlmostEqual(saved["log_loss"], min(losses), places=6)
        kept = self.succeed("table", "dump", "--all").out
        self.train(*base, "--passes", best)
        self.assertEqual(self.succeed("table", "dump", "--all").out, kept)
        text = self.succeed("train", *base, "--passes", "6", "--tolerance", "1e-9").out
        self.assertIn(f"\nkept the weights of pass {best}, the best one\n", text)
        self.assertNotIn("kept_pass", self.train(*base))

    def test_labels_by_a_rule_weights_and_bad_rows(self):
        self.write("delays.svm", "30 1:1\n5 2:1\n16 1:1\n15 2:1\n" * 50)
        self.assertIn("delays.svm:1: ", self.fail_with(65, "train", "delays.svm", "--quiet"))
        self.assertGreater(self.train("delays.svm", "--label", "> 15", "--holdout", "every")["valid"]["auc"], 0.99)
        self.write("some.svm", "1 1:1\nx 1:1\n0 2:1\n1 3:y\n" * 5)
        self.assertIn("some.svm:2: ", self.fail_with(65, "train", "some.svm", "--quiet"))
        self.fail_with(65, "train", "some.svm", "--quiet", "--bad-rows-max", "9")
        report = self.train("some.svm", "--bad-rows-max", "10")
        self.assertEqual((report["rows"], report["bad_rows"]), (10, 10))
        self.assertEqual(self.train("some.svm", "--bad-rows-max", "50%")["bad_rows"], 10)

    def test_bad_rows_of_all_workers_count_together(self):
        self.write("some.svm", "".join("x 1:1\n" if i % 2500 == 1200 else f"{i % 2} {i % 50 + 1}:1\n" for i in range(20000)))
        for processes in ((), ("--servers", 1, "--workers", 3)):
            for limit in ("7", "0.036%"):
                self.assertIn("bad row", self.fail_with(65, "train", "some.svm", "--quiet", "--bad-rows-max", limit, *processes))
            for limit in ("8", "0.04%"):
                self.assertEqual(self.train("some.svm", "--bad-rows-max", limit, *processes)["bad_rows"], 8)

    def test_inputs_of_every_shape(self):
        text = svm_rows(1000)
        self.write("a.svm", text)
        expected = self.train("a.svm")["progressive_log_loss"]
        self.write("b.svm.gz", gzip.compress(text.encode()))
        self.assertEqual(self.train("b.svm.gz")["rows"], 1000)
        half = text.splitlines(keepends=True)
        self.write("part-1.svm", "".join(half[:500]))
        self.write("part-2.svm", "".join(half[500:]))
        self.assertAlmostEqual(self.train("part-*.svm")["progressive_log_loss"], expected, places=4)
        piped = self.run_command("train", "-", "--json", "--quiet", "--holdout", "random:10%", stdin=text.encode())
        self.assertEqual(piped.code, 0, piped.err)
        report = piped.json()
        self.assertEqual(report["rows"] + report["valid"]["rows"], 1000)
        self.write("crlf.svm", text.replace("\n", "\r\n"))
        self.assertEqual(self.train("crlf.svm")["progressive_log_loss"], expected)

    def refuse(self, *arguments) -> str:
        return self.fail_with(65, "train", *arguments, "--quiet")

    def test_inputs_that_are_refused(self):
        self.write("clicks.svm", svm_rows(10))
        line = self.refuse("click.svm")
        self.assertIn("click.svm", line)
        self.assertIn("clicks.svm", line)
        self.refuse("no-*.svm")
        self.write("empty.svm", "")
        self.assertIn("empty.svm: ", self.refuse("empty.svm"))
        self.write("binary.svm", bytes(range(256)) * 40)
        self.assertIn("binary.svm: ", self.refuse("binary.svm"))
        self.write("seven.svm", "1 1:1\n7 1:1\n")
        self.assertIn("seven.svm:2: ", self.refuse("seven.svm"))
        self.write("large.svm", "1 18446744073709551615:1\n1 18446744073709551616:1\n")
        self.assertIn("large.svm:2: ", self.refuse("large.svm"))
        whole = gzip.compress(svm_rows(2000).encode())
        self.write("cut.svm.gz", whole[:len(whole) // 2])
        self.assertIn("cut.svm.gz", self.refuse("cut.svm.gz"))
        self.write("t.csv", "late,from\n1,A\n0,B\n")
        self.write("t.toml", '[label]\ncolumn = "late"\n[features]\nx = { column = "form" }\n')
        line = self.refuse("t.csv", "--schema", "t.toml")
        self.assertIn("t.toml:4", line)
        self.assertIn("from", line)
        self.assertEqual(list(self.folder.glob("*model*")), [])

    def test_numbers_that_floats_do_not_hold_leave_no_model(self):
        rows = [(i % 7 + 1, i % 5) for i in range(200)]
        self.write("rows.svm", svm_rows(600))
        self.write("large.svm", "".join(f"{30000 * a} 1:{10000 * a} 2:{b}\n" for a, b in rows))
        self.write("huge.svm", "".join(f"{a % 2} 1:{a}e37 2:{b}\n" for a, b in rows))
        runs = [("large.svm", "--task", "squared", "--solver", "sgd")]
        runs += [("huge.svm", "--solver", solver) for solver in ("adagrad", "adam", "dbpg", "owlqn")]
        runs += [("rows.svm", "--solver", solver, "--alpha", "3e38", "--l1", "0", "--minibatch", size)
                 for solver in ("ftrl", "adam") for size in ("10", "5000")]  # While it learns, or at its end.
        for run in runs:
            for place in ((), ("--servers", "1", "--workers", "2")):
                with self.subTest(run=run, place=place):
                    said = self.fail_with(65, "train", *run, *place, "--model", "diverged", "--quiet")
                    self.assertIn("than a float holds", said)
                    self.assertIn("scale features", said)
                    self.assertFalse((self.folder / "diverged").exists())

    def test_refusals_are_the_same_with_processes(self):
        self.write("seven.svm", "1 1:1\n" * 5000 + "7 1:1\n")
        line = self.fail_with(65, "train", "seven.svm", "--quiet", "--servers", "1", "--workers", "2")
        self.assertIn("seven.svm:5001: ", line)
        logs = line.split("logs of the processes: ")[1].rstrip(")")
        self.assertTrue(logs.startswith(str(self.folder / "tmp")), logs)
        self.assertEqual(self.run_command("evaluate", "seven.svm").code, 65)

    def test_the_error_object_names_the_row(self):
        self.write("seven.svm", "7 1:1\n")
        ended = self.run_command("train", "seven.svm", "--json", "--quiet")
        report = json.loads(ended.out)
        self.assertEqual((ended.code, report["status"], report["code"], report["where"]),
                         (65, "error", 65, "seven.svm:1"))

    def test_places_where_no_model_can_be(self):
        self.write("train.svm", svm_rows(100))
        self.assertIn("no/such", self.fail_with(65, "train", "train.svm", "--model", "no/such/model"))
        self.write("work/notes.txt" if (self.folder / "work").mkdir() is None else "", "mine")
        self.assertIn("work", self.fail_with(2, "train", "train.svm", "--model", "work"))
        self.assertEqual((self.folder / "work" / "notes.txt").read_text(), "mine")

    def test_a_full_disk_leaves_the_model_saved_before(self):
        self.write("train.svm", svm_rows(3000, features=3000, active=30))
        self.train("train.svm", "--model", "m")
        before = {p.name: p.read_bytes() for p in (self.folder / "m").iterdir()}

        def no_space():  # As ulimit -f does it: a write beyond it raises SIGXFSZ, too.
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        done = subprocess.run([BINARY, "train", "train.svm", "--model", "m", "--quiet", "--l1", "0"], cwd=self.folder,
                              capture_output=True, env=self.environment, preexec_fn=no_space, timeout=TIME_LIMIT, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual({p.name: p.read_bytes() for p in (self.folder / "m").iterdir()}, before)
        self.assertEqual([p.name for p in self.folder.iterdir() if "tmp-" in p.name or p.name.startswith(".m")], [])

    def test_one_of_a_thing_is_no_plural(self):
        self.write("one.svm", "1 3:1\n")
        self.assertRegex(self.succeed("train", "one.svm", "--l1", "0").out, r"^1 row x 1 pass in .*, 1 feature, 1 weight other than 0\n")

    def test_a_run_that_went_well_leaves_no_logs(self):
        self.write("train.svm", svm_rows(200))
        self.train("train.svm", "--servers", "1", "--workers", "1")
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])


class Columns(CommandTest):
    SCHEMA = ('[label]\ncolumn = "delay"\npositive = "> 15"\n[features]\nfrom = { column = "from" }\n'
              'to = { column = "to" }\n[crosses]\nuse = ["from*to"]\n')

    def setUp(self):
        super().setUp()
        self.write("t.toml", self.SCHEMA)
        self.write("t.csv", "delay,from,to\n" + "".join(f"{40 if i % 3 == 0 else 2},{'ABC'[i % 3]},{'XY'[i % 2]}\n"
                                                         for i in range(900)))

    def test_names_are_kept_and_shown(self):
        for processes in ((), ("--servers", "2", "--workers", "2")):
            self.succeed("train", "t.csv", "--schema", "t.toml", "--keep-names", "--l1", "0", "--quiet", *processes)
            report = self.succeed("inspect", "--json", "--top", "100").json()
            names = {feature["name"] for feature in report["top"]}
            self.assertEqual(len(names), report["keys"])
            self.assertFalse([name for name in names if name.startswith("key ")])
            self.assertEqual(report["keys_are"], "names")

    def test_without_names_the_keys_are_shown(self):
        self.succeed("train", "t.csv", "--schema", "t.toml", "--l1", "0", "--quiet")
        self.assertRegex(self.succeed("inspect").out, r"key \d+")

    def test_init_keeps_names_and_brings_the_schema(self):
        self.succeed("train", "t.csv", "--schema", "t.toml", "--keep-names", "--l1", "0", "--quiet", "--model", "a")
        self.write("new.csv", "delay,from,to\n" + "40,D,Z\n" * 50)
        self.succeed("train", "new.csv", "--init", "a", "--keep-names", "--l1", "0", "--quiet", "--model", "b")
        names = [f["name"] for f in self.succeed("inspect", "b", "--json", "--top", "100").json()["top"]]
        self.assertTrue(any("A" in name for name in names) and any("D" in name for name in names), names)
        self.write("other.toml", self.SCHEMA.replace("> 15", "> 30"))
        self.assertIn("the schemas differ", self.fail_with(65, "train", "new.csv", "--init", "a", "--schema", "other.toml"))


if __name__ == "__main__":
    unittest.main()

"""What is typed wrong is refused with exit code 2, one clear line, and the near miss."""
import unittest

from command import CommandTest

ONLINE = {"ftrl", "sgd", "adagrad", "adam"}
SOLVERS = ONLINE | {"dbpg", "owlqn"}


class Usage(CommandTest):
    def test_unknown_command(self):
        self.assertIn("unknown command 'trian'; did you mean train?", self.fail_with(2, "trian", "a.svm"))
        self.assertIn("unknown command 'frobnicate' (", self.fail_with(2, "frobnicate"))
        self.assertIn("there is: table ls, table describe", self.fail_with(2, "table"))
        self.assertIn("unknown command 'table lod'; there is: table ls", self.fail_with(2, "table", "lod"))
        self.assertIn("did you mean predict?", self.fail_with(2, "help", "predcit"))
        self.assertIn("did you mean --help?", self.fail_with(2, "--hlep"))
        for later in ("sketch", "drain", "checkpoint", "rebalance"):
            self.assertIn("unknown command", self.fail_with(2, later))

    def test_unknown_flag(self):
        self.assertIn("unknown flag --aplha; did you mean --alpha?", self.fail_with(2, "train", "--aplha", "1", "a"))
        self.assertIn("unknown flag --aplha; did you mean --alpha?", self.fail_with(2, "train", "--aplha=1", "a"))
        self.assertIn("unknown flag -alpha; did you mean --alpha?", self.fail_with(2, "train", "a", "-alpha", "1"))
        self.assertIn("unknown flag -x (", self.fail_with(2, "train", "a", "-x"))
        self.assertIn("unknown flag --topp; did you mean --top?", self.fail_with(2, "inspect", "m", "--topp", "3"))
        self.assertIn("unknown flag --modle; did you mean --model?", self.fail_with(2, "table", "dump", "--modle", "m"))

    def test_values_out_of_range(self):
        cases = {
            ("--alpha", "-1"): "--alpha must be > 0, got -1",
            ("--alpha=-1",): "--alpha must be > 0, got -1",
            ("--alpha", "x"): "--alpha must be a number > 0, got x",
            ("--passes", "0"): "--passes must be a whole number from 1 to 1000000, got 0",
            ("--minibatch", "1e3"): "--minibatch must be a whole number from 0 to 1048576, got 1e3",
            ("--l1", "auto"): "--l1 must be a number >= 0, got auto",
            ("--tau", "auto8"): "--tau must be a whole number from 0 to 1000000000, inf or auto, got auto8",
            ("--solver", "ftlr"): "--solver must be one of ftrl, sgd, adagrad, adam, dbpg, owlqn, got ftlr; did you mean ftrl?",
            ("--solver", "lbfgs"): "--solver must be one of ftrl, sgd, adagrad, adam, dbpg, owlqn, got lbfgs",
            ("--task", "fm"): "--task must be one of logistic, squared, hinge, squared_hinge, got fm",
            ("--format", "orc"): "--format must be one of auto, libsvm, libfm, libffm, vw, criteo, csv, parquet, got orc",
            ("--holdout", "some"): "--holdout must be none, every, last:P% or random:P% with 0 < P < 100, got some",
            ("--bad-rows-max", "x"): "--bad-rows-max must be a number of rows (5) or a share of them (0.1%), got x",
            ("--servers", "1025"): "--servers must be a whole number from 0 to 1024, got 1025",
            ("--label", "15"): "--label must be a comparison and a number such as '> 15', got '15'",
        }
        for words, message in cases.items():
            line = self.fail_with(2, "train", "a.svm", *words)
            self.assertEqual(line, "steelyard: train: " + message)

    def test_missing_words(self):
        self.assertIn("no DATA to train on", self.fail_with(2, "train"))
        self.assertIn("DATA... is missing", self.fail_with(2, "predict"))
        self.assertIn("DATA... is missing", self.fail_with(2, "evaluate", "--json=false"))
        self.assertIn("--alpha needs a value: --alpha X", self.fail_with(2, "train", "a", "--alpha"))
        self.assertIn("unexpected argument 'now'", self.fail_with(2, "version", "now"))

    def test_what_does_not_go_together(self):
        self.assertIn("exclude each other", self.fail_with(2, "train", "a", "--valid", "b", "--holdout", "every"))
        self.assertIn("--valid DATA or --holdout", self.fail_with(2, "train", "a", "--tolerance", "0.01"))
        self.assertIn("each worker of a cluster has its own",
                      self.fail_with(2, "train", "a", "--cluster", "127.0.0.1:1", "--threads", "2"))
        self.assertIn("needs a file", self.fail_with(2, "train", "-", "--passes", "2"))

    def test_what_a_solver_does_not_look_at(self):
        tried = 0
        takes = {"minibatch": ("64", ONLINE), "alpha": ("0.1", ONLINE), "beta": ("1", {"ftrl", "adagrad"}),
                 "l1": ("1", SOLVERS - {"adam"}), "l2": ("2", SOLVERS - {"adam"}), "tau": ("1", SOLVERS - {"owlqn"}),
                 "aggregate": ("true", ONLINE), "filters": ("kkt", {"dbpg"}), "rebalance": ("off", {"dbpg", "owlqn"})}
        for flag, (value, solvers) in takes.items():
            for solver in sorted(SOLVERS):
                with self.subTest(flag=flag, solver=solver):
                    said = self.fail_with(65 if solver in solvers else 2, "train", "none.svm", "--solver", solver,
                                          f"--{flag}={value}")
                    self.assertIn("no such file" if solver in solvers else f"--{flag}", said)
                    tried += 1
        self.assertEqual(tried, 9 * 6)
        self.assertEqual(self.fail_with(2, "train", "a", "--solver", "adam", "--beta", "1"),
                         "steelyard: train: --beta has no effect with --solver adam: it has no rate that falls with the "
                         "gradients of a feature; leave it out, or use ftrl or adagrad")
        # What such a solver does anyway may be said.
        for words in (("adam", "--l1", "0", "--l2=0"), ("owlqn", "--tau", "0", "--filters", "none"),
                      ("dbpg", "--aggregate=false")):
            self.assertIn("no such file", self.fail_with(65, "train", "none.svm", "--solver", *words))

    def test_addresses_that_are_none(self):
        for command in (("train", "a.svm", "--cluster"), ("status", "--cluster"), ("jobs", "ls", "--cluster"), ("table", "ls", "--cluster"),
                        ("server", "--head"), ("worker", "--head")):
            for address, why in (("here", "the port is missing"), ("h:x", "the port is not a number"), ("127.0.0.1:0", "nobody listens at port 0")):
                said = self.fail_with(2, *command, address)
                self.assertIn(f'{command[-1]}: "{address}" is no address: {why}', said)

    def test_the_error_object(self):
        ended = self.run_command("train", "a.svm", "--json", "--alpha", "0")
        self.assertEqual(ended.code, 2)
        self.assertEqual(ended.json(), {"status": "error", "code": 2, "message": "--alpha must be > 0, got 0",
                                        "where": "train"})
        self.assertEqual(ended.err, "steelyard: train: --alpha must be > 0, got 0\n")
        ended = self.run_command("trian", "--json")
        self.assertEqual((ended.code, ended.json()["code"]), (2, 2))

    def test_the_last_of_two_values_counts(self):
        self.assertIn("got -2", self.fail_with(2, "train", "a", "--l1", "1", "--l1", "-2"))


if __name__ == "__main__":
    unittest.main()

"""train --filters: what loses nothing changes no bit, less travels, and what a user asks wrongly is answered."""
import hashlib
import unittest

from command import CommandTest, svm_rows

LOSSLESS = "key-cache,delta,zeros,lz4"


class Filters(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("train.svm", svm_rows(6000))

    def train(self, *arguments) -> dict:
        return self.succeed("train", "train.svm", "--passes", "2", *arguments, "--json", "--quiet").json()

    def digest(self, model: str) -> str:
        dump = self.succeed("table", "dump", "--all", "--model", model).out
        self.assertGreater(dump.count("\n"), 40)
        return hashlib.md5(dump.encode()).hexdigest()

    def test_lossless_stacks_change_no_bit_of_one_worker(self):
        for place in ([], ["--servers", "2", "--workers", "1"]):
            plain = self.train("--model", "plain", *place)
            self.assertNotIn("filters", plain["traffic"])
            self.assertEqual(plain["traffic"]["before_filters_bytes"],
                             plain["traffic"]["pushed_bytes"] + plain["traffic"]["pulled_bytes"])
            for stack in (LOSSLESS, "key-cache", "delta,sparse", "zeros,snappy"):
                packed = self.train("--model", "packed", "--filters", stack, *place)
                self.assertEqual(self.digest("packed"), self.digest("plain"), (stack, place))
                self.assertEqual(packed["progressive_log_loss"], plain["progressive_log_loss"])
                names = {sums["name"].split(":")[-1] for sums in packed["traffic"]["filters"]}
                self.assertLessEqual(set(stack.split(",")) - {"key-cache"}, names, stack)

    def test_pulls_may_have_a_list_of_their_own(self):
        self.train("--model", "plain")
        packed = self.train("--model", "packed", "--filters", "delta,lz4/key-cache,zeros")
        self.assertEqual(self.digest("packed"), self.digest("plain"))
        sums = {each["name"]: each for each in packed["traffic"]["filters"]}
        self.assertEqual(set(sums), {"keys:delta", "values:lz4", "pull key-cache", "pull values"})
        for each in sums.values():
            self.assertGreaterEqual(each["before_bytes"], each["after_bytes"], each)
            self.assertGreater(each["after_bytes"], 0, each)

    def test_two_workers_learn_as_well_and_send_less(self):
        place = ["--servers", "2", "--workers", "2", "--holdout", "every"]
        plain = self.train(*place)
        packed = self.train(*place, "--filters", LOSSLESS)
        self.assertAlmostEqual(packed["valid"]["log_loss"], plain["valid"]["log_loss"], delta=0.02)
        traffic = packed["traffic"]
        self.assertLess(traffic["pushed_bytes"] + traffic["pulled_bytes"], traffic["before_filters_bytes"])
        self.assertLess(traffic["pushed_bytes"], plain["traffic"]["pushed_bytes"])

    def test_lossy_stacks_still_learn(self):
        plain = self.train("--holdout", "every")
        for stack in ("fixed:2", "significant:0.1,fixed:2,key-cache", "skip:0.8", "skip:0.5,feedback"):
            lossy = self.train("--holdout", "every", "--filters", stack)
            self.assertAlmostEqual(lossy["valid"]["log_loss"], plain["valid"]["log_loss"], delta=0.05, msg=stack)
            self.assertNotEqual(lossy["valid"]["log_loss"], plain["valid"]["log_loss"], stack)

    def test_wrong_lists(self):
        for stack, words in (("delat", "did you mean delta?"), ("kkt", "'kkt' needs a rule"),
                             ("feedback,fixed:2", "below zero"), ("lz4,snappy", "do the same"),
                             ("fixed:9", "1, 2 or 3 bytes"), ("lz4/fixed:2", "what is pulled is not changed")):
            ended = self.run_command("train", "train.svm", "--filters", stack)
            self.assertEqual(ended.code, 2, ended.err)
            self.assertIn("--filters", ended.err)
            self.assertIn(words, ended.err)

    def test_dbpg_with_and_without_its_filter(self):
        place = ["--solver", "dbpg", "--l1", "40", "--tau", "0", "--servers", "2", "--workers", "2"]
        runs = {name: self.succeed("train", "train.svm", *place, *flags, "--json", "--quiet").json()
                for name, flags in {"default": [], "kkt": ["--filters", "kkt"], "none": ["--filters", "none"]}.items()}
        self.assertEqual(runs["kkt"]["objective"], runs["default"]["objective"])
        self.assertGreater(runs["kkt"]["settled_fraction"], 0)
        self.assertEqual({step["settled_fraction"] for step in runs["none"]["history"]}, {0})
        for run in runs.values():
            self.assertTrue(run["certified"])
            self.assertAlmostEqual(run["objective"], runs["none"]["objective"], delta=2e-4 * run["objective"])
        self.assertNotIn("filters", runs["none"]["traffic"])
        traffic = runs["kkt"]["traffic"]
        [kkt] = traffic["filters"]
        self.assertEqual(kkt["name"], "kkt")
        self.assertEqual(kkt["before_bytes"] % (6 * runs["kkt"]["passes"]), 0)  # Gradient and curvature of every feature.
        left_out = (kkt["before_bytes"] - kkt["after_bytes"]) // 6
        self.assertGreater(left_out, 0)
        # The counts of features go through delta and lz4, whose sections have headers that such short lists do not earn back.
        saved = traffic["before_filters_bytes"] - traffic["pushed_bytes"] - traffic["pulled_bytes"]
        self.assertAlmostEqual(saved, 6 * left_out, delta=500)
        ended = self.run_command("train", "train.svm", "--solver", "dbpg", "--filters", "kkt,lz4")
        self.assertEqual(ended.code, 2, ended.err)
        self.assertIn("dbpg sends no keys", ended.err)

    def test_the_report_in_words(self):
        out = self.succeed("train", "train.svm", "--filters", LOSSLESS, "--quiet").out
        self.assertRegex(out, r"\nfilters left [\d.]+ [KM]B of [\d.]+ [KM]B on the wire: keys:delta ")


if __name__ == "__main__":
    unittest.main()

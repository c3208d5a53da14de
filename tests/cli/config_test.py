"""--config JOB.toml: the flags' names as keys, flags override, mistakes name the line."""
import unittest

from command import CommandTest, svm_rows


class Config(CommandTest):
    def config(self, text: str) -> str:
        return self.write("job.toml", text).name

    def test_mistakes_name_file_and_line(self):
        cases = {
            "alpha = 0.5\ndata = ['a', 'b']\nl1 = -3\n": "job.toml:3: --l1 must be >= 0, got -3",
            "alhpa = 0.5\n": "job.toml:1: unknown key 'alhpa'; did you mean alpha?",
            "alpha = = 1\n": "job.toml:1: not TOML: ",
            "alpha = 1\nalpha = 2\n": "job.toml:2: not TOML: ",
            "[train]\nalpha = 1\n": "job.toml:1: unknown key 'train'",
            "config = 'x.toml'\n": "job.toml:1: 'config' can only be a flag",
            "\npasses = 1.5\n": "job.toml:2: --passes must be a whole number from 1 to 1000000, got 1.5",
            "quiet = 'yes'\n": "job.toml:1: --quiet must be true or false, got yes",
            "alpha = [1, 2]\n": "job.toml:1: alpha must be a single value, found a list",
            "passes = 2\nbeta = 1\nsolver = 'sgd'\n": "job.toml:2: --beta has no effect with --solver sgd",
            "data = [1]\n": "job.toml:1: data must be a list of texts",
        }
        for text, message in cases.items():
            self.assertIn(message, self.fail_with(2, "train", "a.svm", "--config", self.config(text)))

    def test_a_missing_file(self):
        self.assertIn("nowhere.toml: no such file", self.fail_with(65, "train", "--config", "nowhere.toml"))
        self.assertIn("this is a directory", self.fail_with(65, "train", "--config", "tmp"))

    def test_what_it_says_is_done_and_flags_override_it(self):
        self.write("train.svm", svm_rows(200))
        config = self.config('data = ["train.svm"]\nsolver = "sgd"\nmodel = "from-config"\npasses = 2\njson = true\n')
        report = self.succeed("train", "--config", config, "--passes", "3", "--quiet").json()
        self.assertEqual((report["passes"], report["model"], report["rows"]), (3, "from-config", 200))
        self.assertIn("solver sgd", self.succeed("inspect", "from-config").out)

    def test_data_on_the_command_line_replaces_the_list(self):
        self.write("train.svm", svm_rows(100))
        config = self.config('data = ["nowhere.svm"]\n')
        self.assertEqual(self.succeed("train", "train.svm", "--config", config, "--json", "--quiet").json()["rows"], 100)


if __name__ == "__main__":
    unittest.main()

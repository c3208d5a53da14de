"""Help is complete, goes to standard output, and is what the golden files and docs/cli.md say.

UPDATE_GOLDEN=1 rewrites the golden files and docs/cli.md.
"""
import os
import pathlib
import unittest

from command import ROOT, CommandTest

GOLDEN = pathlib.Path(__file__).parent / "golden"
COMMANDS = ["train", "predict", "evaluate", "inspect", "up", "down", "status", "top", "jobs ls", "jobs wait", "jobs cancel",
            "jobs call", "table ls", "table describe", "table create", "table dump", "table load", "table drop", "convert", "datagen",
            "head", "server", "worker", "doctor", "completion", "version", "help"]
LATER_FLAGS = ["rank", "topics", "replicas", "checkpoint-every", "resume"]


class Help(CommandTest):
    def check_golden(self, path: pathlib.Path, text: str):
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text)
        self.assertEqual(path.read_text(), text, f"{path.name}: run with UPDATE_GOLDEN=1 if the change is meant")

    def test_every_command_explains_itself(self):
        for command in COMMANDS:
            for flag in "--help", "-h":
                ended = self.succeed(*command.split(), flag)
                self.assertIn(f"Usage: steelyard {command}", ended.out)
                self.assertEqual(ended.err, "")
            self.assertEqual(self.succeed("help", *command.split()).out, ended.out)

    def test_golden_texts(self):
        self.check_golden(GOLDEN / "overview.txt", self.succeed("--help").out)
        self.assertEqual(self.succeed("help").out, self.succeed("-h").out)
        for command in COMMANDS:
            name = command.replace(" ", "_") + ".txt"
            self.check_golden(GOLDEN / name, self.succeed(*command.split(), "--help").out)

    def test_reference_page(self):
        self.check_golden(ROOT / "docs" / "cli.md", self.succeed("help", "--markdown").out)

    def test_lines_fit_a_terminal(self):
        for command in COMMANDS:
            for line in self.succeed(*command.split(), "--help").out.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_defaults_are_printed(self):
        text = self.succeed("train", "--help").out
        for default in ("ftrl", "0.1; adam: 0.03", "./steelyard-model", "all in one process"):
            self.assertIn(f"default: {default})", text)

    def test_a_later_flag_is_not_promised(self):
        text = self.succeed("train", "--help").out
        for flag in LATER_FLAGS:
            self.assertNotIn("--" + flag, text)
            self.assertIn(f"unknown flag --{flag}", self.fail_with(2, "train", "a.svm", "--" + flag))

    def test_help_wins_over_mistakes(self):
        self.succeed("train", "--passes", "0", "--help")

    def test_no_command_shows_the_overview_and_is_a_mistake(self):
        ended = self.run_command()
        self.assertEqual(ended.code, 2)
        self.assertIn("Commands", ended.err)
        self.assertEqual(ended.out, "")

    def test_version(self):
        self.assertRegex(self.succeed("version").out, r"^steelyard \d+\.\d+\.\d+ \(")
        self.assertEqual(self.succeed("--version").out, self.succeed("version").out)


if __name__ == "__main__":
    unittest.main()

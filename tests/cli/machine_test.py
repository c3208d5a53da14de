"""doctor and completion: what they find and print, and that the shells take it."""
import json
import shutil
import subprocess
import unittest

from command import BINARY, CommandTest


class Doctor(CommandTest):
    def test_every_line_is_graded_and_says_what_to_do(self):
        checks = self.succeed("doctor", "--json").json()["checks"]
        names = [check["what"] for check in checks]
        for name in ("version", "memory", "disk", "open files", "huge pages", "port", "clock", "parquet"):
            self.assertIn(name, names)
        for check in checks:
            self.assertEqual(check["grade"] != "ok", "advice" in check, check)
        lines = self.succeed("doctor").out.splitlines()
        self.assertEqual([line.split()[0] for line in lines], [check["grade"] for check in checks])

    def test_a_low_limit_is_a_warning(self):
        ended = subprocess.run(["bash", "-c", f"ulimit -n 100; exec {BINARY} doctor"], capture_output=True, check=True,
                               cwd=self.folder, env=self.environment)
        self.assertRegex(ended.stdout.decode(), r"(?m)^warn +open files +up to 100; .*ulimit -n 4096")

    def test_what_is_bad_is_exit_code_1(self):
        self.environment["TMPDIR"] = str(self.folder / "nowhere")
        ended = self.run_command("doctor")
        self.assertEqual(ended.code, 1)
        self.assertRegex(ended.out, r"(?m)^bad +logs +.*/nowhere cannot be written; .*TMPDIR")
        self.assertIn("nowhere", ended.err)
        report = self.run_command("doctor", "--json")
        self.assertEqual(json.loads(report.out)["code"], 1)


class Completion(CommandTest):
    def complete(self, *words: str) -> list[str]:
        """What bash offers for the last word."""
        script = self.succeed("completion", "bash").out
        quoted = " ".join(f"'{word}'" for word in words)
        program = f"{script}\nCOMP_WORDS=(steelyard {quoted}); COMP_CWORD={len(words)}; _steelyard; echo \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", program], capture_output=True, check=True, text=True).stdout.split()

    def test_bash(self):
        self.assertEqual(self.complete("tr"), ["train"])
        self.assertIn("jobs", self.complete(""))
        self.assertEqual(self.complete("jobs", "w"), ["wait"])
        self.assertEqual(self.complete("train", "a.svm", "--tol"), ["--tolerance"])
        self.assertEqual(self.complete("train", "--solver", "ada"), ["adagrad", "adam"])
        self.assertEqual(self.complete("jobs", "wait", "3", "--mo"), ["--model"])
        self.assertEqual(self.complete("table", "dump", "--al"), ["--all"])
        self.assertEqual(self.complete("worker", "--stream"), [], "what is not for people is not offered")

    def test_every_shell_gets_every_flag(self):
        lines = self.succeed("train", "--help").out.splitlines()
        flags = {line.split()[0] for line in lines if line.startswith("  --")}
        self.assertGreater(len(flags), 20)
        for shell in ("bash", "zsh", "fish"):
            script = self.succeed("completion", shell).out
            for flag in flags:
                self.assertIn(flag if shell != "fish" else f"-l {flag[2:]} ", script)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=script.encode(), check=True)
        self.assertIn("bash, zsh and fish", self.fail_with(2, "completion", "csh"))


if __name__ == "__main__":
    unittest.main()

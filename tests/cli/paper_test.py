"""steelyard bench paper: solvers with a straggler are compared, printed and drawn; what cannot be compared is refused."""
import json
import os
import pathlib
import signal
import unittest
import xml.etree.ElementTree as ElementTree

from command import CommandTest, svm_rows
from process_watch import alive, children_of, role_of, wait_for

SMALL = ("--rows", "2000", "--features", "2000")
SVG = "{http://www.w3.org/2000/svg}"


def stopped(pid: int) -> bool:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


class Paper(CommandTest):
    def drawn(self, name: str) -> dict[str, list]:
        """The lines, bars and texts of a picture."""
        root = ElementTree.parse(self.folder / "pictures" / name).getroot()
        self.assertEqual(root.tag, SVG + "svg")
        return {"lines": [line.get("points").split() for line in root.iter(SVG + "polyline")],
                "bars": [bar for bar in root.iter(SVG + "rect") if "bar" in bar.get("class").split()],
                "texts": [text.text for text in root.iter(SVG + "text")]}

    def check_run(self, run: dict, best: float):
        self.assertLessEqual(run["above_best"], 2e-4)
        self.assertAlmostEqual(run["objective"], best * (1 + run["above_best"]), places=3)
        self.assertEqual(run["passes"], len(run["history"]))
        self.assertGreater(run["stops"], 0)
        self.assertGreater(run["seconds"], run["seconds_to_1e-3"])
        self.assertGreater(run["idle_fraction"], 0)
        if "owlqn" not in run["flags"]:
            self.assertTrue(run["certified"], run["flags"])

    def check_pictures(self, found: dict):
        self.assertEqual(json.loads((self.folder / "pictures" / "paper.json").read_text()), found)
        self.assertEqual(sorted(path.name for path in (self.folder / "pictures").iterdir()),
                         ["idle.svg", "objective.svg", "paper.json", "settled.svg", "traffic.svg"])
        objective = self.drawn("objective.svg")
        self.assertEqual([len(line) for line in objective["lines"]], [run["passes"] for run in found["systems"]])
        self.assertIn("1e-3", objective["texts"])
        self.assertIn("B: dbpg --tau 0 --filters none", objective["texts"])
        self.assertEqual([len(line) for line in self.drawn("settled.svg")["lines"]], [found["systems"][2]["passes"]])
        idle = self.drawn("idle.svg")
        self.assertEqual(len(idle["bars"]), 3 + 2)
        self.assertIn("tau 4", idle["texts"])
        traffic = self.drawn("traffic.svg")
        self.assertEqual(len(traffic["bars"]), 2 * len(found["traffic"]))
        widths = [float(bar.get("width")) for bar in traffic["bars"]]
        for bar, stack in enumerate(found["traffic"]):
            plain = found["traffic"][0 if stack["solver"] == "dbpg" else 3]
            self.assertAlmostEqual(widths[2 * bar] / widths[0], stack["workers_bytes"] / plain["workers_bytes"], delta=0.01)
            self.assertAlmostEqual(widths[2 * bar + 1] / widths[0], stack["servers_bytes"] / plain["servers_bytes"], delta=0.01)

    def test_compares_prints_and_draws(self):
        ended = self.succeed("bench", "paper", *SMALL, "--tau", "0,4", "--json", "--out", "pictures")
        self.assertEqual(len(ended.err.splitlines()), 1 + 5 + 5, ended.err)
        found = ended.json()
        self.assertEqual(found["status"], "ok")
        self.assertEqual([run["name"] for run in found["systems"]], ["A", "B", "ours"])
        self.assertEqual([run["name"] for run in found["delays"]], ["tau 0", "tau 4"])
        runs = [*found["systems"], *found["delays"]]
        b, filtered = found["systems"][1], found["delays"][0]
        self.assertEqual([run["shards_moved"] for run in runs if run["name"] != "ours"], [0] * 4)
        for run in runs:
            self.check_run(run, found["best_objective"])
        self.assertEqual(min(run["objective"] for run in runs), found["best_objective"])
        self.assertEqual([run["settled_fraction"] > 0 for run in runs], [False, False, True, True, True])

        pairs, once, kkt, *ftrl = found["traffic"]
        self.assertEqual([pairs["stack"], once["stack"], kkt["stack"], ftrl[0]["stack"]],
                         ["key and value pairs", "keys sent once", "keys sent once, kkt", "none"])
        self.assertEqual([once["workers_bytes"], once["servers_bytes"]], [b["pushed_bytes"], b["pulled_bytes"]])
        self.assertEqual([kkt["workers_bytes"], kkt["servers_bytes"]], [filtered["pushed_bytes"], filtered["pulled_bytes"]])
        self.assertEqual(pairs["workers_bytes"] / 16, pairs["servers_bytes"] / 12)
        per_pass = pairs["workers_bytes"] / 16 / filtered["passes"]  # Features of all three workers.
        self.assertEqual(per_pass, int(per_pass))
        self.assertTrue(500 < per_pass < 3 * 2000, per_pass)
        self.assertLess(kkt["workers_bytes"] / filtered["passes"], once["workers_bytes"] / b["passes"])
        self.assertEqual(len(ftrl), 5)
        self.assertLess(ftrl[4]["workers_bytes"], ftrl[1]["workers_bytes"])
        self.assertLess(ftrl[1]["workers_bytes"], ftrl[0]["workers_bytes"])

        targets = {row["name"]: row["target"] for row in found["rows"] if "target" in row}
        self.assertEqual(targets, {"ours, to 1e-3 of the best objective": 2, "dbpg workers send, keys sent once, kkt": 12,
                                   "dbpg servers send, keys sent once, kkt": 40})
        for row in found["rows"]:
            self.assertAlmostEqual(row["ratio"], row["peer_value"] / row["value"], places=6)
        self.check_pictures(found)
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_the_text_has_a_table_of_runs_and_one_of_ratios(self):
        self.write("rows.svm", svm_rows(3000, features=400))
        ended = self.succeed("bench", "paper", "--data", "rows.svm", "--l1", "2", "--tau", "1", "--rounds", "2", "--quiet")
        self.assertEqual(ended.err, "")
        lines = ended.out.splitlines()
        self.assertEqual(lines[0], "rows.svm, l1 2, 3 workers, one of them stopped half of the time")
        self.assertEqual([line.split()[0] for line in lines[2:7]], ["A", "B", "ours", "tau", "tau"])
        spreads = [float(line.removeprefix("tau").split()[4].rstrip("%")) for line in lines[2:6]]
        self.assertGreater(max(spreads), 0)  # Of two rounds.
        self.assertEqual(lines[7], "")
        self.assertTrue(lines[8].startswith("what "), lines[8])
        self.assertEqual(len(lines), 9 + 2 + 4 + 8)

    def test_ctrl_c_ends_everything(self):
        bench = self.start_command("bench", "paper", "--rows", "20000", "--features", "20000")

        def workers() -> list[int]:
            trains = [pid for pid in children_of(bench.pid) if role_of(pid) == "train"]
            return [pid for train in trains for pid in [train, *children_of(train)]]

        processes = wait_for(lambda: len(workers()) == 5 and workers(), "training with a server and three workers")
        first = min(pid for pid in processes if role_of(pid) == "worker")
        wait_for(lambda: stopped(first), "stopping the straggler")
        bench.send_signal(signal.SIGINT)
        out, err = bench.communicate(timeout=20)
        self.assertEqual(bench.returncode, 130, err)
        self.assertEqual(out, b"")
        self.assertTrue(err.decode().splitlines()[-1].endswith("interrupted by Ctrl-C"), err)
        wait_for(lambda: not any(alive(pid) for pid in processes), "the end of all processes")
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_a_killed_bench_leaves_no_process(self):
        bench = self.start_command("bench", "paper", "--rows", "20000", "--features", "20000")
        train = wait_for(lambda: [pid for pid in children_of(bench.pid) if role_of(pid) == "train"], "training")[0]
        wait_for(lambda: len(children_of(train)) == 4, "its processes")
        processes = [train, *children_of(train)]
        os.kill(bench.pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(pid) for pid in processes), "the end of all processes")

    def test_failures_of_runs_are_passed_on(self):
        self.write("rows.svm", "1 5:1\nmaybe 6:1\n")
        line = self.fail_with(65, "bench", "paper", "--data", "rows.svm", "--quiet")
        self.assertIn("train rows.svm", line)
        self.assertIn("rows.svm:2", line)

    def test_refusals(self):
        self.write("rows.svm", svm_rows(10))
        for code, words, *flags in ((65, "no such file", "--data", "absent.svm"),
                                    (2, "this is a file", "--out", "rows.svm"),
                                    (2, "use one of them", "--data", "rows.svm", "--rows", "5"),
                                    (2, "--tau must be a whole number", "--tau", "1,x"),
                                    (2, "--tau must be a whole number", "--tau", "1,"),
                                    (2, "takes no --tau auto", "--tau", "auto"),
                                    (2, "--l1 must be", "--l1", "-1"),
                                    (2, "--rows must be", "--rows", "many"),
                                    (2, "at least 1", "--rounds", "0"),
                                    (2, "has no --keys", "--keys", "300000"),
                                    (2, "is a stream", "--data", "-")):
            self.assertIn(words, self.fail_with(code, "bench", "paper", *flags), flags)
        self.assertIn("--out is for bench paper", self.fail_with(2, "bench", "table", "--out", "x"))
        self.assertIn("did you mean paper", self.fail_with(2, "bench", "papr"))
        self.assertFalse((self.folder / "x").exists())


if __name__ == "__main__":
    unittest.main()

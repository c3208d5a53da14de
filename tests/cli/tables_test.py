"""Tables: of a model that train saved, and of a live cluster, where they are made, filled, read and dropped."""
import json
import unittest

from cluster_case import ClusterTest
from command import CommandTest, svm_rows
from process_watch import wait_for


class TablesOfAModel(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("train.svm", svm_rows(500))
        self.succeed("train", "train.svm", "--model", "m", "--alpha", "0.2", "--quiet")

    def test_ls_and_describe_and_dump(self):
        self.assertRegex(self.succeed("table", "ls", "--model", "m").out, r"\nw +50 +933 B +ftrl\n$")
        listed = self.succeed("table", "ls", "--model", "m", "--json").json()
        described = self.succeed("table", "describe", "--model", "m", "--json").json()
        self.assertEqual(listed, {"status": "ok", "model": "m", "tables": [
            {key: value for key, value in described.items() if key not in ("status", "model")}]})
        self.assertEqual((described["table"], described["rows"], described["row_floats"], described["updater"]["alpha"]),
                         ("w", 50, 2, 0.2))
        self.assertEqual(described["bytes"], (self.folder / "m" / described["file"]).stat().st_size)
        self.assertIn("updater   ftrl (alpha 0.2, ", self.succeed("table", "describe", "w", "--model", "m").out)
        self.assertEqual(self.succeed("table", "dump", "w", "--model", "m").out,
                         self.succeed("table", "dump", "--model", "m").out)

    def test_refusals(self):
        for word in ("describe", "dump"):
            self.assertIn("the model has no table 'x'; it has w", self.fail_with(65, "table", word, "x", "--model", "m"))
        for word in ("ls", "describe", "dump"):
            self.assertIn("exclude each other", self.fail_with(2, "table", word, "--model", "m", "--cluster", "h:1"))
        for word in ("create", "drop"):
            self.assertIn("a saved model's tables do not change", self.fail_with(2, "table", word, "w", "--model", "m"))
        self.assertIn("--cluster HOST:PORT is missing", self.fail_with(2, "table", "load", "w", "--model", "m"))
        self.assertIn("nowhere", self.fail_with(65, "table", "ls", "--model", "nowhere"))


class TablesOfACluster(ClusterTest):
    def setUp(self):
        super().setUp()
        self.head()
        wait_for(lambda: self.run_command("status", "--cluster", self.cluster).code == 0, "the head")

    def table(self, word: str, *arguments) -> str:
        return self.succeed("table", word, *arguments, "--cluster", self.cluster).out

    def refused(self, code: int, word: str, *arguments) -> str:
        return self.fail_with(code, "table", word, *arguments, "--cluster", self.cluster)

    def test_load_dump_and_drop(self):
        self.train("--model", "m")
        self.assertIn("no server to hold a table", self.refused(69, "load", "copy", "--model", "m"))
        self.server("server-0")
        self.server("server-1")
        self.wait_for_nodes(2, 0)
        self.assertEqual(self.table("ls"), "no tables\n")
        self.assertEqual(self.table("load", "copy", "--model", "m"), "table copy holds 50 rows\n")
        self.assertIn("exists already", self.refused(2, "load", "copy", "--model", "m"))
        saved = self.succeed("table", "dump", "--model", "m", "--all").out
        live = self.table("dump", "copy", "--all", "--ids")
        self.assertEqual(sorted(live.splitlines()), sorted(saved.splitlines()))
        keys = [int(line.split("\t")[0]) for line in self.table("dump", "copy").splitlines()]
        self.assertEqual(keys, sorted(keys))
        wait_for(lambda: "50" in self.table("ls"), "the count of rows")
        listed = json.loads(self.table("ls", "--json"))["tables"]
        self.assertEqual([(t["table"], t["state"], t["rows"], t["servers"]) for t in listed], [("copy", "ready", 50, 2)])
        described = json.loads(self.table("describe", "copy", "--json"))
        self.assertEqual((described["updater"]["name"], described["segments"], len(described["servers"])), ("ftrl", 32, 2))
        self.assertEqual(self.table("drop", "copy"), "table copy is dropped\n")
        self.assertIn("no table 'copy'", self.refused(65, "drop", "copy"))
        self.assertIn("no table 'copy'", self.refused(65, "dump", "copy"))

    def test_create_and_refusals(self):
        self.server()
        self.wait_for_nodes(1, 0)
        self.assertIn("updater   add", self.table("create", "counts", "--width", "3"))
        self.assertEqual(self.table("dump", "counts", "--all"), "")
        self.assertIn("exists already", self.refused(2, "create", "counts"))
        self.assertIn("adding", self.refused(2, "create", "x", "--updater", "adding"))
        self.assertIn("--alpha must be a number, got x", self.refused(2, "create", "x", "--alpha", "x"))
        self.assertIn("NAME is missing", self.refused(2, "dump"))
        self.assertIn("for tables of a cluster", self.fail_with(2, "table", "dump", "counts"))

    def test_a_table_that_a_job_uses_stays(self):
        self.server()
        self.worker()
        self.wait_for_nodes(1, 1)
        self.long_job()
        self.wait_for_states("running")
        name = self.status()["tables"][0]["table"]
        self.assertIn("job 1 uses the table", self.refused(69, "drop", name))
        self.assertEqual([job["state"] for job in self.jobs()], ["running"])

    def test_a_lost_table_says_so_and_can_be_dropped(self):
        self.server("kept")
        victim = self.server("victim")
        self.wait_for_nodes(2, 0)
        self.table("create", "t")
        victim.kill()
        wait_for(lambda: self.status()["tables"][0]["state"] == "lost", "the loss")
        self.assertIn(f"pid {victim.pid}", self.status()["tables"][0]["message"])
        self.assertIn(f"pid {victim.pid}", self.refused(69, "dump", "t"))
        self.table("drop", "t")
        self.table("create", "t")


if __name__ == "__main__":
    unittest.main()

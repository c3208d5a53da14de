"""Tables: of a model that train saved, and of a live cluster, where they are made, filled, read and dropped."""
import gzip
import json
import random
import signal
import struct
import subprocess
import unittest

from cluster_case import ClusterTest
from command import BINARY, CommandTest, svm_rows
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

    def test_stat(self):
        rows = [line.split("\t") for line in self.succeed("table", "dump", "--model", "m", "--all").out.splitlines()]
        values = sorted(float(row[1]) for row in rows)
        stat = self.succeed("table", "stat", "--model", "m", "--json", "--ids", "--quantiles", "0,0.5,1",
                            "--top", "3").json()
        self.assertEqual((stat["table"], stat["rows"], stat["nonzeros"]), ("w", 50, sum(value != 0 for value in values)))
        self.assertAlmostEqual(stat["norm1"], sum(map(abs, values)), places=4)
        self.assertAlmostEqual(stat["norm2"], sum(value * value for value in values) ** 0.5, places=4)
        for quantile, value in zip(stat["quantiles"], (values[0], values[24], values[-1])):
            self.assertAlmostEqual(quantile["value"], value, places=6)
        largest = sorted(rows, key=lambda row: -abs(float(row[1])))[:3]
        self.assertEqual([str(row["key"]) for row in stat["top"]], [row[0] for row in largest])
        text = self.succeed("table", "stat", "--model", "m").out
        self.assertRegex(text, r"rows +50, of which \d+ are not 0\n")
        self.assertIn("with commas between them, got 2", self.fail_with(2, "table", "stat", "--model", "m",
                                                                       "--quantiles", "2"))
        self.assertIn("takes a column from 0 to 0, found 1", self.fail_with(2, "table", "stat", "--model", "m",
                                                                           "--column", "1"))

    def test_refusals(self):
        for word in ("describe", "dump"):
            self.assertIn("the model has no table 'x'; it has w", self.fail_with(65, "table", word, "x", "--model", "m"))
        for word in ("ls", "describe", "dump"):
            self.assertIn("exclude each other", self.fail_with(2, "table", word, "--model", "m", "--cluster", "h:1"))
        for word in ("create", "drop"):
            self.assertIn("a saved model's tables do not change", self.fail_with(2, "table", word, "w", "--model", "m"))
        self.assertIn("--cluster HOST:PORT is missing", self.fail_with(2, "table", "load", "w", "--model", "m"))
        for arguments in ((), ("x.tsv", "--model", "m")):
            self.assertIn("either FILE", self.fail_with(2, "table", "load", "w", *arguments))
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
        of_model = self.succeed("table", "stat", "--model", "m", "--json").json()
        of_table = json.loads(self.table("stat", "copy", "--json"))
        for figure in ("rows", "nonzeros", "min", "max", "quantiles", "top"):
            self.assertEqual(of_table[figure], of_model[figure], figure)
        self.assertAlmostEqual(of_table["norm2"], of_model["norm2"], places=9)
        self.assertEqual(json.loads(self.table("stat", "copy", "--last", "0", "--json"))["rows"], 0)
        self.assertIn("no table 'x'", self.refused(65, "stat", "x"))
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

    def test_a_table_may_fill_so_much(self):
        self.server("server-0")
        self.server("server-1")
        self.wait_for_nodes(2, 0)
        self.assertIn("memory    1.0 MB at most", self.table("create", "small", "--memory-max", "1MB"))
        self.assertEqual(json.loads(self.table("describe", "small", "--json"))["memory_max"], 1_000_000)
        draw = random.Random(1)
        keys = sorted({draw.getrandbits(64) for _ in range(200_000)})
        text = self.write("rows.tsv", "".join(f"{key}\t1\n" for key in keys))
        said = self.refused(75, "load", "large", text, "--memory-max", "1MB")
        self.assertRegex(said, r"table 'large' has \d+B of the 500000B that it may fill here \(1000000B over 2 servers\)")
        self.assertIn("--memory-max", self.refused(2, "create", "x", "--memory-max", "much"))
        self.table("load", "other", text)
        listed = {table["table"]: table for table in self.status()["tables"]}
        self.assertEqual((listed["small"]["memory_max"], listed["other"].get("memory_max")), (1_000_000, None))
        wait_for(lambda: self.table("ls").count("200,000") == 1, "the count of rows: the servers go on")

    def test_a_table_tells_its_hot_keys_and_clocks(self):
        self.server("server-0")
        self.server("server-1")
        self.worker()
        self.wait_for_nodes(2, 1)
        self.long_job()
        self.wait_for_states("running")
        name = self.status()["tables"][0]["table"]
        wait_for(lambda: json.loads(self.table("hot", name, "--json"))["keys"], "a key that is asked for often")
        hot = json.loads(self.table("hot", name, "--json", "--top", "1"))
        self.assertEqual(len(hot["keys"]), 1)
        self.assertTrue(0 < hot["keys"][0]["share"] <= 1, hot)
        self.assertIn("keys of recent requests were looked at", self.table("hot", name, "--ids"))
        clocks = json.loads(self.table("clocks", name, "--json"))["ranges"]
        self.assertEqual((clocks[0]["first"], clocks[-1]["last"]), (0, 2 ** 64 - 1))
        members = [stream for stream in clocks[0]["streams"] if stream["active"]]
        self.assertEqual([(member["group"], member["push"] > 0) for member in members], [(1, True)])
        self.assertIn("job 1", self.table("clocks", name, "--first", "5", "--last", "5"))
        self.assertIn("is behind", self.refused(2, "clocks", name, "--first", "5", "--last", "4"))
        self.assertIn("no table 'x'", self.refused(65, "hot", "x"))

    def test_an_aggregated_table_says_so(self):
        self.server()
        self.wait_for_nodes(1, 0)
        self.assertIn("pushes    summed by step", self.table("create", "sums", "--aggregate"))
        self.assertTrue(json.loads(self.table("describe", "sums", "--json"))["aggregate"])
        self.assertIn("'max' takes none", self.refused(2, "create", "most", "--aggregate", "--updater", "max"))

    def test_a_frozen_table_keeps_its_keys(self):
        self.server("server-0")
        self.server("server-1")
        self.wait_for_nodes(2, 0)
        text = "".join(f"{key}\t{1 + key % 3}\n" for key in range(3000))
        self.table("load", "counts", self.write("counts.tsv", text))
        self.table("create", "weights", "--like", "counts", "--at-least", "2", "--segments", "4")
        self.assertEqual(self.table("freeze", "counts", "--at-least", "2"), "table counts is frozen with 2,000 keys\n")
        again = json.loads(self.table("freeze", "counts", "--json"))
        self.assertEqual((again["rows"], len(again["segments"]), len(again["segments"][0]["hash"])), (2000, 32, 32))
        self.assertEqual(self.table("dump", "counts", "--first", "9", "--last", "13"), "10\t2\n11\t3\n13\t2\n")
        wait_for(lambda: "2,000" in self.table("ls"), "the count of rows")
        self.assertEqual([(t["table"], t["frozen"]) for t in json.loads(self.table("ls", "--json"))["tables"]],
                         [("counts", True), ("weights", False)])
        self.assertRegex(self.table("ls"), "counts +frozen")
        self.assertIn("--at-least must be 0 or more, got -1", self.refused(2, "freeze", "counts", "--at-least=-1"))
        self.assertIn("no table 'x'", self.refused(65, "freeze", "x"))
        self.assertIn("no table 'x'", self.refused(65, "create", "y", "--like", "x"))
        self.assertIn("before it begins", self.refused(2, "dump", "counts", "--first", "9", "--last", "8"))

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

class TextIntoTables(ClusterTest):
    def setUp(self):
        super().setUp()
        self.start_cluster(2, 0)

    def load(self, *arguments, stdin: bytes = b"") -> str:
        return self.succeed("table", "load", *arguments, "--cluster", self.cluster, stdin=stdin).out

    def refused(self, code: int, *arguments, stdin: bytes = b"") -> str:
        line = self.fail_with(code, "table", "load", *arguments, "--cluster", self.cluster, stdin=stdin)
        self.assertEqual(self.tables(), [], "nothing half-done")
        return line

    def tables(self) -> list[str]:
        return [table["table"] for table in self.status()["tables"]]

    def dump(self, name: str, *arguments) -> str:
        return self.succeed("table", "dump", name, "--cluster", self.cluster, *arguments).out

    @staticmethod
    def rows(count: int) -> str:
        """Keys over the whole range, floats of every kind."""
        draw = random.Random(3)
        keys = sorted({0, 2**64 - 1} | {draw.randrange(2**64) for _ in range(count - 2)})
        floats = [struct.unpack("f", struct.pack("f", draw.gauss(0, 1) * 10.0 ** draw.randint(-40, 37)))[0] for _ in keys]
        return "".join(f"{key}\t{value!r}\t{-value!r}\n" for key, value in zip(keys, floats))

    def test_a_dump_is_loaded_again(self):
        """Large enough for several pushes; from a file, packed, and from standard input."""
        text = self.rows(60000)
        self.assertEqual(self.load("a", self.write("a.tsv", text)), f"table a holds 60,000 rows\n")
        dump = self.dump("a")
        self.assertEqual([line.split("\t")[0] for line in dump.splitlines()],
                         [line.split("\t")[0] for line in text.splitlines() if "\t0.0\t" not in line])
        self.load("b", "-", "--updater", "assign", stdin=dump.encode())
        self.load("c", self.write("c.tsv.gz", gzip.compress(dump.encode())))
        self.assertEqual(self.dump("b"), dump)
        self.assertEqual(self.dump("c"), dump)
        described = self.succeed("table", "describe", "b", "--cluster", self.cluster, "--json").json()
        self.assertEqual((described["width"], described["updater"]["name"]), (2, "assign"))
        self.refused_beside(["a", "b", "c"], "exists already", 2, "b", "-", stdin=dump.encode())

    def refused_beside(self, tables: list[str], message: str, code: int, *arguments, stdin: bytes):
        self.assertIn(message, self.fail_with(code, "table", "load", *arguments, "--cluster", self.cluster, stdin=stdin))
        self.assertEqual(self.tables(), tables)

    def test_ids_and_any_order(self):
        self.write("train.svm", svm_rows(500))
        self.succeed("train", "train.svm", "--model", "m", "--quiet")
        weights = self.succeed("table", "dump", "--model", "m").out  # In the order of ids, which is not that of keys.
        self.assertIn("--sort sorts", self.refused(65, "t", "-", "--ids", stdin=weights.encode()))
        self.load("t", "-", "--ids", "--sort", stdin=weights.encode())
        self.assertEqual(sorted(self.dump("t", "--ids").splitlines()), sorted(weights.splitlines()))
        self.load("again", "-", "--ids", stdin=self.dump("t", "--ids").encode())
        self.assertEqual(self.dump("again"), self.dump("t"))

    def test_lines_that_do_not_fit_are_named(self):
        good = "".join(f"{key}\t1\n" for key in range(40000))
        for text, where, message in (
                ("1\t2\nx\t2\n", 2, "a line must be a key"), ("1 2\n", 1, "a line must be a key"),
                ("-1\t2\n", 1, "a line must be a key"), ("18446744073709551616\t1\n", 1, "a line must be a key"),
                ("1\t2\n\n2\t2x\n", 3, "a line must be a key"), ("1\tnan\n", 1, "value 1 is no number"),
                ("1\t2\t1e39\n", 1, "value 2 is no number"), ("1\t\n", 1, "value 1 is no number"),
                ("1\n", 1, "this one has 0"), ("1\t2\n2\t3\t4\n", 2, "2 values, where the lines before have 1"),
                ("5\t1\n\n5\t2\n", 3, "line 1 has the same key"), ("5\t1\n4\t2\n", 2, "smaller than that of line 1"),
                ("5\t1\n6\t2", 2, "cut off"), (good + "39999\t1\n", 40001, "line 40000 has the same key")):
            with self.subTest(text=text[-30:]):
                self.assertIn(f"standard input:{where}: ", line := self.refused(65, "t", "-", stdin=text.encode()))
                self.assertIn(message, line)
        self.write("twice.tsv", "7\t1\r\n5\t1\n7\t2\n")
        self.assertIn("twice.tsv:3: line 1 has the same key", self.refused(65, "t", "twice.tsv", "--sort"))
        self.assertIn("the input is empty", self.refused(65, "t", "-"))
        self.assertIn("nowhere.tsv", self.refused(65, "t", "nowhere.tsv"))
        self.assertIn("text has no place for what --updater ftrl keeps",
                      self.refused(2, "t", "-", "--updater", "ftrl", stdin=b"1\t1\n"))
        self.assertIn("--updater add, assign, max or sgd, got fading; one that the servers loaded",
                      self.refused(2, "t", "-", "--updater", "fading", stdin=b"1\t1\n"))

    def test_a_load_that_is_killed_or_interrupted_leaves_no_table(self):
        for number in (signal.SIGKILL, signal.SIGINT):
            words = [BINARY, "table", "load", "t", "-", "--cluster", self.cluster]
            with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as load:
                load.stdin.write("".join(f"{key}\t1\n" for key in range(100000)).encode())
                load.stdin.flush()
                wait_for(lambda: self.tables() == ["t"], "the table")
                load.send_signal(number)
            wait_for(lambda: self.tables() == [], "its end")


if __name__ == "__main__":
    unittest.main()

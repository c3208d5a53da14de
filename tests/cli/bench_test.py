"""steelyard bench: every benchmark runs, compares its contestants' values, and prints a table or JSON; small sizes."""
import unittest

from command import CommandTest

SMALL = ("--keys", "300000", "--rounds", "1")


class Bench(CommandTest):
    def rows(self, name: str) -> list[dict]:
        rows = self.succeed("bench", name, *SMALL, "--json").json()
        for row in rows:
            self.assertGreater(row["value"], 0, row)
            self.assertIn("unit", row)
            if row.get("peer_value"):
                better = row["peer_value"] / row["value"] if row["unit"] in ("us", "B/key") else row["value"] / row["peer_value"]
                self.assertAlmostEqual(row["ratio"], better, places=6)
        return rows

    def test_table(self):
        rows = self.rows("table")
        self.assertGreaterEqual(len(rows), 4)
        self.assertTrue(any(row.get("peer") == "looked up again" for row in rows))
        self.assertLess(next(row for row in rows if row["unit"] == "B/key")["value"], 100)

    def test_push_pull_beside_both_yardsticks(self):
        rows = self.rows("push-pull")
        self.assertEqual({row["peer"] for row in rows}, {"bare prototype", "ps-lite design", "new lists"})
        self.assertEqual({row["name"].split()[0] for row in rows}, {"insert", "push", "pull"})
        self.assertTrue(all(row["peer_value"] > 0 for row in rows))

    def test_growth(self):
        rows = self.rows("growth")
        self.assertEqual([row["unit"] for row in rows], ["M keys/s", "M keys/s", "us", "B/key"])

    def test_filters(self):
        rows = self.rows("filters")
        self.assertEqual(len(rows), 24)
        cached = [row for row in rows if "repeated, key-cache" in row["name"]]
        self.assertEqual(len(cached), 8)
        for row in cached:
            if row["name"].startswith("push"):
                self.assertGreaterEqual(row["ratio"], 2.9, row)
        fresh = [row for row in rows if row["name"].endswith("new, key-cache")]
        self.assertEqual(len(fresh), 4)
        self.assertTrue(all(0.95 < row["ratio"] < 1.05 for row in fresh), fresh)

    def test_latency(self):
        rows = self.rows("latency")
        self.assertEqual(len(rows), 16)
        self.assertTrue(all(row["unit"] == "us" and row["peer_value"] > 0 for row in rows))

    def test_workers_beside_one(self):
        rows = self.rows("workers")
        self.assertEqual([row["unit"] for row in rows], ["us"] * 8 + ["KB"])
        self.assertEqual([row.get("peer") for row in rows[:4]], [None] + ["1 worker"] * 3)

    def test_the_text_is_a_table(self):
        lines = self.succeed("bench", "table", *SMALL).out.splitlines()
        self.assertRegex(lines[0], r"^what +figure +unit +spread +peer +peer's +ratio +target$")
        self.assertTrue(any(line.startswith("FTRL push") for line in lines))

    def test_refusals(self):
        self.assertIn("did you mean latency", self.fail_with(2, "bench", "latencyy"))
        self.assertIn("at least 300000", self.fail_with(2, "bench", "table", "--keys", "5"))


if __name__ == "__main__":
    unittest.main()

"""table freeze while a server is stopped or killed, and while somebody presses Ctrl-C: named, and nothing hangs."""
import os
import signal
import time
import unittest

from cluster_case import ClusterTest
from process_watch import wait_for

PATIENCE = 40  # Seconds until a test gives up; a silent server is declared dead after 5.


class Freezing(ClusterTest):
    def setUp(self):
        super().setUp()
        self.head()
        self.kept = self.server("kept")
        self.victim = self.server("victim")
        self.wait_for_nodes(2, 0)
        rows = "".join(f"{key}\t{1 + key % 2}\n" for key in range(5000))
        self.table("load", "counts", self.write("counts.tsv", rows))

    def table(self, command: str, *arguments) -> str:
        return self.succeed("table", command, *arguments, "--cluster", self.cluster).out

    def freeze(self):
        return self.start_command("table", "freeze", "counts", "--at-least", "2", "--cluster", self.cluster)

    def ends(self, process, code: int) -> str:
        """The process ends by itself with this code. @return its standard error."""
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, code, f"{out}{err}")
        return err.decode()

    def test_a_stopped_server_is_named(self):
        self.victim.send_signal(signal.SIGSTOP)
        said = self.ends(self.freeze(), 69)
        self.assertIn(f"pid {self.victim.pid}", said)
        self.victim.send_signal(signal.SIGCONT)
        self.assertIn("steelyard: ", said)

    def test_a_killed_server_is_named(self):
        self.victim.send_signal(signal.SIGSTOP)  # So that freezing cannot end before it is killed.
        freezing = self.freeze()
        time.sleep(0.2)
        self.victim.kill()
        self.assertIn(f"pid {self.victim.pid}", self.ends(freezing, 69))

    def test_a_server_that_comes_back_in_time_goes_on(self):
        self.victim.send_signal(signal.SIGSTOP)
        freezing = self.freeze()
        time.sleep(0.5)
        self.assertIsNone(freezing.poll(), "it waits for the stopped server")
        self.victim.send_signal(signal.SIGCONT)
        out, err = freezing.communicate(timeout=PATIENCE)
        self.assertEqual((freezing.returncode, out), (0, b"table counts is frozen with 2,500 keys\n"), err)

    def test_ctrl_c_ends_the_command_and_not_the_freezing(self):
        self.victim.send_signal(signal.SIGSTOP)
        freezing = self.freeze()
        time.sleep(0.5)
        freezing.send_signal(signal.SIGINT)
        self.ends(freezing, 130)
        os.kill(self.victim.pid, signal.SIGCONT)
        wait_for(lambda: "frozen" in self.table("ls"), "the table to be frozen")
        self.assertEqual(self.table("freeze", "counts"), "table counts is frozen with 2,500 keys\n")


if __name__ == "__main__":
    unittest.main()

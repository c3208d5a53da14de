"""Goal: the shards of a server process are servers to the cluster, and one process to those who start and end it.
Method: real daemons; what they say, what the head knows of them, models byte by byte, signals and ports that are taken."""
import signal
import socket
import unittest

from cluster_case import ClusterTest, free_port
from process_watch import PATIENCE, wait_for


def free_ports(count: int) -> int:
    """@return the first of so many free ports."""
    for _ in range(100):
        first = free_port()
        try:
            taken = [socket.create_server(("127.0.0.1", first + i)) for i in range(count)]
        except (OSError, OverflowError):
            continue
        for one in taken:
            one.close()
        return first
    raise AssertionError("no run of free ports")


class Shards(ClusterTest):
    def shards(self, count: int, listen: str = "127.0.0.1:0"):
        return self.daemon("server", "server", "--head", self.cluster, "--shards", str(count), "--listen", listen)

    def servers(self) -> list[dict]:
        return [node for node in self.status()["nodes"] if node["role"] == "server"]

    def test_shards_learn_what_one_process_learns(self):
        self.head()
        self.worker()
        port = free_ports(3)
        process = self.shards(3, f"127.0.0.1:{port}")
        self.wait_for_nodes(3, 1)
        self.assertEqual({node["process"] for node in self.servers()}, {f"pid {process.pid}"})
        self.assertEqual(sorted(node["address"] for node in self.servers()),
                         [f"127.0.0.1:{port + i}" for i in range(3)])
        for solver in (["--solver", "ftrl"], ["--solver", "dbpg", "--tau", "0"]):
            self.train(*solver, "--model", "near", "--threads", "1")
            self.train(*solver, "--model", "threads", "--threads", "8")
            self.train(*solver, "--model", "far", "--cluster", self.cluster)
            self.assertGreater(len(self.rows("near")), 500, solver)
            self.assertEqual(self.rows("far"), self.rows("near"), solver)
            self.assertEqual(self.rows("threads"), self.rows("near"), solver)

    def test_a_killed_process_takes_all_its_shards_along(self):
        self.head()
        self.worker()
        self.worker("worker-1")
        process = self.shards(2)
        self.wait_for_nodes(2, 2)
        job = self.long_job("--workers", "2")
        self.wait_for_states("running")
        process.kill()
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 69, error)
        self.assertRegex(error.decode(), rf"^steelyard: server \d+ \(.*pid {process.pid}\): died: ")
        self.wait_for_nodes(0, 2)

    def test_shards_wait_for_the_next_head_and_end_together(self):
        head = self.head()
        process = self.shards(3)
        self.wait_for_nodes(3, 0)
        head.kill()
        wait_for(lambda: self.log("server").count("starting anew") == 3, "every shard's word")
        self.head()
        self.wait_for_nodes(3, 0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGTERM)
        self.wait_for_nodes(0, 0)

    def test_with_once_all_end_when_the_head_is_gone(self):
        head = self.head()
        process = self.daemon("server", "server", "--head", self.cluster, "--shards", "2", "--once")
        self.wait_for_nodes(2, 0)
        head.kill()
        self.assertEqual(process.wait(PATIENCE), 69)

    def test_ports_that_are_taken_or_none(self):
        port = free_ports(2)
        with socket.create_server(("127.0.0.1", port + 1)):
            ended = self.run_command("server", "--head", self.cluster, "--shards", "2", "--listen",
                                     f"127.0.0.1:{port}")
            self.assertEqual(ended.code, 69)
            self.assertIn(f"cannot listen at 127.0.0.1:{port + 1}: it is in use", ended.err)
        line = self.fail_with(2, "server", "--head", self.cluster, "--shards", "2", "--listen", "127.0.0.1:65535")
        self.assertIn("leaves no port for each of 2 shards", line)
        line = self.fail_with(2, "server", "--head", self.cluster, "--shards", "0")
        self.assertIn("--shards must be a whole number from 1 to 1024, got 0", line)

    def test_up(self):
        self.succeed("up", "--listen", self.cluster, "--servers", "2", "--shards", "2", "--workers", "1")
        self.addCleanup(self.run_command, "down")
        self.wait_for_nodes(4, 1)
        self.assertEqual(len({node["process"] for node in self.servers()}), 2)
        self.assertEqual(self.train("--cluster", self.cluster)["rows"], 20000)


if __name__ == "__main__":
    unittest.main()

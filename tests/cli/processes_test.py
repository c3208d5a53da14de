"""Servers and workers as processes: how many there are, what is said when one dies, and that nothing is left behind."""
import os
import pathlib
import pty
import signal
import subprocess
import time
import unittest

from command import BINARY, CommandTest, svm_rows
from process_watch import PATIENCE, alive, children_of, reads_a_pipe, role_of, state_of, wait_for


def listening() -> set[str]:
    """Ports, and names of Unix-domain sockets, that some process of this machine listens at."""
    tcp = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    unix = [line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]]
    return {words[1] for words in tcp if words[3] == "0A"} | {words[7] for words in unix
                                                              if words[3] == "00010000" and len(words) > 7}


class Processes(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("train.svm", svm_rows(20000))

    def start_long_run(self, *arguments) -> subprocess.Popen:
        """A run that lasts until it is ended, with a first model in place."""
        self.succeed("train", "train.svm", "--model", "m", "--quiet")
        self.before = {p.name: p.read_bytes() for p in (self.folder / "m").iterdir()}
        return self.start_command("train", "train.svm", "--model", "m", "--quiet", "--passes", "100000", *arguments)

    def children(self, parent: subprocess.Popen, count: int) -> dict[str, list[int]]:
        pids = wait_for(lambda: (c := children_of(parent.pid)) and len(c) == count and c, f"{count} children")
        wait_for(lambda: all(role_of(pid) in ("server", "worker") for pid in pids), "every child's exec")
        roles = {"server": [], "worker": []}
        for pid in pids:
            roles[role_of(pid)].append(pid)
        return roles

    def wait_until_training(self, parent: subprocess.Popen, workers: list[int]):
        """Wait until a worker has used some processor time: it learns by then."""
        def busy():
            return all(sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) > 20
                       for pid in workers)
        wait_for(busy, "training")
        self.assertIsNone(parent.poll())

    def assert_all_gone(self, pids):
        wait_for(lambda: not any(alive(pid) for pid in pids), "the end of all children")

    def assert_model_stayed(self):
        self.assertEqual({p.name: p.read_bytes() for p in (self.folder / "m").iterdir()}, self.before)
        self.assertEqual([p.name for p in self.folder.iterdir()
                          if p.name not in ("m", "train.svm", "tmp")], [], "nothing beside the model")

    def test_the_report_says_how_stale_pulls_were(self):
        for tau in ("0", "3", "inf", "auto"):
            report = self.succeed("train", "train.svm", "--model", f"m-{tau}", "--servers", "1", "--workers", "2", "--tau", tau,
                                  "--minibatch", "20", "--passes", "2", "--json", "--quiet").json()
            seen, used = report["staleness"], report["delay"]["used"]
            self.assertEqual((report["delay"]["tau"], used[0]["pass"], used[0]["step"]), (tau, 1, 0))
            self.assertEqual(used[0]["tau"], "1" if tau == "auto" else tau)
            self.assertEqual(sum(count["pulls"] for count in seen["counts"]), seen["pulls"])
            self.assertGreaterEqual(seen["pulls"], 2 * report["rows"] // 20)
            if tau != "inf":
                self.assertLessEqual(seen["max"], max(int(delay["tau"]) for delay in used))
            if tau != "auto":
                self.assertEqual(len(used), 1)
        alone = self.succeed("train", "train.svm", "--model", "alone", "--json", "--quiet").json()
        self.assertNotIn("staleness", alone)
        shown = self.succeed("train", "train.svm", "--model", "n", "--servers", "1", "--workers", "2", "--quiet").out
        self.assertRegex(shown, r"(?m)^delay 1: pulls missed [01]\.\d\d steps of the slowest worker on average, [01] at most$")

    def test_s_plus_w_distinct_processes(self):
        parent = self.start_long_run("--servers", "2", "--workers", "3")
        roles = self.children(parent, 5)
        self.assertEqual((len(roles["server"]), len(roles["worker"])), (2, 3))
        pids = roles["server"] + roles["worker"]
        self.assertEqual(len({parent.pid, *pids}), 6)
        logs = sorted(p.name for p in (self.folder / "tmp").glob("steelyard-*/*.log"))
        self.assertEqual(logs, ["server-0.log", "server-1.log", "worker-0.log", "worker-1.log", "worker-2.log"])
        parent.send_signal(signal.SIGTERM)
        self.assertEqual(parent.wait(PATIENCE), 143)
        self.assert_all_gone(pids)

    def test_ctrl_c(self):
        before = listening()
        parent = self.start_long_run("--servers", "2", "--workers", "2")
        roles = self.children(parent, 4)
        pids = roles["server"] + roles["worker"]
        self.wait_until_training(parent, roles["worker"])
        taken = listening() - before
        self.assertGreaterEqual(len(taken), 3, "the head's and two servers'")
        start = time.monotonic()
        parent.send_signal(signal.SIGINT)
        _, error = parent.communicate(timeout=PATIENCE)
        self.assertLess(time.monotonic() - start, 5.0)
        self.assertEqual(parent.returncode, 130)
        self.assertEqual(error.decode(), "steelyard: train: interrupted by Ctrl-C; no model was saved; an earlier one "
                                         "stays as it was\n")
        self.assert_all_gone(pids)
        self.assertEqual(listening() & taken, set())
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])
        self.assert_model_stayed()

    def test_ctrl_z_stops_all_processes_and_they_go_on(self):
        parent = self.start_long_run("--servers", "1", "--workers", "2")
        roles = self.children(parent, 3)
        pids = [parent.pid, *roles["server"], *roles["worker"]]
        self.wait_until_training(parent, roles["worker"])
        for _ in range(2):
            parent.send_signal(signal.SIGTSTP)
            wait_for(lambda: all(state_of(pid) == "T" for pid in pids), "a stop of all")
            parent.send_signal(signal.SIGCONT)
            wait_for(lambda: all(state_of(pid) != "T" for pid in pids), "that they go on")
        parent.send_signal(signal.SIGINT)
        self.assertEqual(parent.wait(PATIENCE), 130)
        self.assert_all_gone(pids[1:])

    def test_ctrl_c_in_one_process(self):
        parent = self.start_long_run("--json")
        self.wait_until_training(parent, [parent.pid])
        parent.send_signal(signal.SIGINT)
        out, error = parent.communicate(timeout=PATIENCE)
        self.assertEqual(parent.returncode, 130)
        self.assertEqual(len(error.splitlines()), 1)
        self.assertIn(b'"code":130', out)
        self.assert_model_stayed()

    def test_ctrl_c_while_standard_input_says_nothing(self):
        for early in (b"", svm_rows(5000).encode()):
            parent = subprocess.Popen([BINARY, "train", "-", "--quiet"], cwd=self.folder, env=self.environment,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(self.end_process, parent)
            parent.stdin.write(early)
            parent.stdin.flush()
            wait_for(lambda: reads_a_pipe(parent.pid), "a read that blocks")
            parent.send_signal(signal.SIGINT)
            self.assertEqual(parent.wait(PATIENCE), 130)
            self.assertIn(b"interrupted by Ctrl-C", parent.stderr.read())

    def test_kill_9_of_the_parent_leaves_no_child(self):
        parent = self.start_long_run("--servers", "2", "--workers", "2")
        roles = self.children(parent, 4)
        self.wait_until_training(parent, roles["worker"])
        parent.kill()
        parent.wait(PATIENCE)
        self.assert_all_gone(roles["server"] + roles["worker"])
        self.assert_model_stayed()

    def check_death(self, role: str, number: int):
        parent = self.start_long_run("--servers", "2", "--workers", "2")
        roles = self.children(parent, 4)
        self.wait_until_training(parent, roles["worker"])
        victim = roles[role][1]
        start = time.monotonic()
        os.kill(victim, number)
        _, error = parent.communicate(timeout=PATIENCE)
        line = error.decode()
        self.assertEqual(parent.returncode, 69, line)
        self.assertEqual(len(line.splitlines()), 1, line)
        self.assertIn(f"{role} 1 (pid {victim}): was killed by signal {number}", line)
        log = pathlib.Path(line.rstrip().split("its log is ")[1])
        self.assertTrue(log.is_file(), line)
        self.assertEqual(log.name, f"{role}-1.log")
        self.assert_all_gone(roles["server"] + roles["worker"])
        self.assert_model_stayed()
        return time.monotonic() - start

    def test_kill_9_of_a_worker_is_a_named_error(self):
        self.assertLess(self.check_death("worker", signal.SIGKILL), 3.0)

    def test_kill_9_of_a_server_is_a_named_error(self):
        self.assertLess(self.check_death("server", signal.SIGKILL), 3.0)

    def test_a_crash_is_a_named_error(self):
        self.check_death("worker", signal.SIGABRT)

    def test_a_worker_that_hangs_is_a_named_error(self):
        parent = self.start_long_run("--servers", "1", "--workers", "2")
        roles = self.children(parent, 3)
        self.wait_until_training(parent, roles["worker"])
        victim = roles["worker"][0]
        os.kill(victim, signal.SIGSTOP)
        _, error = parent.communicate(timeout=PATIENCE)
        self.assertEqual(parent.returncode, 69, error)
        self.assertIn(f"pid {victim}", error.decode())
        self.assert_all_gone(roles["server"] + roles["worker"])

    def test_a_second_cluster_beside_it(self):
        parent = self.start_long_run("--servers", "1", "--workers", "1")
        self.children(parent, 2)
        report = self.succeed("train", "train.svm", "--model", "other", "--servers", "2", "--workers", "2", "--json",
                              "--quiet").json()
        self.assertEqual(report["rows"], 20000)
        self.assertIsNone(parent.poll())

    def test_no_place_for_logs(self):
        self.environment["TMPDIR"] = str(self.folder / "nowhere")
        self.assertIn("set TMPDIR", self.fail_with(1, "train", "train.svm", "--quiet", "--servers", "1", "--workers", "1"))

    def test_a_terminal_shows_one_rewritten_line_with_rate_loss_and_eta(self):
        (self.folder / "train.svm").write_text(svm_rows(20000) * 60)
        ours, theirs = pty.openpty()
        # Small minibatches make a pass last for several lines.
        parent = subprocess.Popen([BINARY, "train", "train.svm", "--passes", "3", "--minibatch", "16"], cwd=self.folder,
                                  stderr=theirs, stdout=subprocess.DEVNULL, env=dict(self.environment, TERM="xterm"))
        self.addCleanup(self.end_process, parent)
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # The other end is closed.
            pass
        os.close(ours)
        self.assertEqual(parent.wait(PATIENCE), 0)
        self.assertNotIn(b"\n", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-40:])
        text = shown.decode()
        self.assertRegex(text, r"pass \d/3  [\d,]+ rows \(\d+ %\)  [\d.]+ [kM] rows/s  loss 0\.\d+  ETA \d")

    def test_quiet_says_nothing(self):
        self.assertEqual(self.succeed("train", "train.svm", "--quiet").err, "")

    def test_daemons_refuse_what_others_could_reach(self):
        self.assertIn("loopback addresses only", self.fail_with(2, "server", "--head", "127.0.0.1:1", "--listen", "0.0.0.0:0"))
        self.assertIn("--head HOST:PORT is missing", self.fail_with(2, "worker"))
        self.assertIn("--spin", self.fail_with(2, "server", "--head", "127.0.0.1:1", "--spin", "2000"))

    def test_a_port_in_use(self):
        import socket
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.assertIn(address, self.fail_with(69, "server", "--head", "127.0.0.1:1", "--listen", address))


if __name__ == "__main__":
    unittest.main()

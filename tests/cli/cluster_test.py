"""Clusters of daemons: any start order, several jobs at once, what is said when one dies, and that down ends them all."""
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import unittest

from cluster_case import ClusterTest
from command import BINARY, svm_rows
from process_watch import PATIENCE, alive, wait_for


class Daemons(ClusterTest):
    def test_any_start_order_and_the_same_bytes(self):
        """Worker, server, job, head: the job waits for all, and learns what one process learns."""
        self.worker()
        self.server()
        wait_for(lambda: f"waiting for the head at {self.cluster}" in self.log("worker"), "the worker's word")
        wait_for(lambda: f"waiting for the head at {self.cluster}" in self.log("server"), "the server's word")
        job = self.start_command("train", "train.svm", "--cluster", self.cluster, "--model", "far", "--workers", "1",
                                 "--passes", "2")
        first = job.stderr.readline().decode()
        self.assertTrue(first.startswith(f"steelyard: waiting for the head at {self.cluster}: "), first)
        self.head()
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 0, error)
        self.train("--model", "near", "--passes", "2")
        self.train("--model", "processes", "--servers", "2", "--workers", "1", "--passes", "2")
        self.assertEqual(self.rows("far"), self.rows("near"))
        self.assertEqual(self.rows("processes"), self.rows("near"))
        self.assertIn("joined the cluster", self.log("server"))
        self.assertLess(self.log("server").count("waiting for the head"), 6, "said sparingly")

    def test_a_job_says_that_it_waits_for_servers_and_workers(self):
        self.head()
        job = self.start_command("train", "train.svm", "--cluster", self.cluster, "--servers", "2", "--workers", "2")
        line = job.stderr.readline().decode()
        self.assertEqual(line, "steelyard: waiting for 2 servers to hold the table: 0 of 2 are there\n")
        self.server("server-0")
        self.assertIn(": 1 of 2 are there", job.stderr.readline().decode())
        self.server("server-1")
        self.worker("worker-0")
        lines = [job.stderr.readline().decode()]
        while "1 of 2 are free" not in lines[-1]:
            lines.append(job.stderr.readline().decode())
            self.assertLess(len(lines), 5, lines)
        self.worker("worker-1")
        out, _ = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 0)
        self.assertIn(b"model saved in", out)

    def test_a_job_names_the_server_that_it_waits_for(self):
        _, servers, _ = self.start_cluster(2, 1)
        servers[1].send_signal(signal.SIGSTOP)
        job = self.start_command("train", "train.svm", "--cluster", self.cluster)
        lines = [job.stderr.readline().decode()]
        while "does not answer" not in lines[-1]:
            lines.append(job.stderr.readline().decode())
            self.assertLess(len(lines), 4, lines)
        self.assertIn(f"pid {servers[1].pid}) does not answer", lines[-1])
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 69, error)
        self.assertIn(f"pid {servers[1].pid}): died: no heartbeat", error.decode())

    def test_a_new_head_gets_the_old_servers_and_workers(self):
        head, _, _ = self.start_cluster(1, 1)
        head.kill()
        head.wait()
        self.head()
        self.wait_for_nodes(1, 1)
        self.assertIn("starting anew without what it held", self.log("server-0"))
        self.train("--cluster", self.cluster)

    def test_once_ends_with_the_head(self):
        head = self.head()
        worker = self.daemon("once", "worker", "--head", self.cluster, "--once")
        self.wait_for_nodes(0, 1)
        head.kill()
        head.wait()
        self.head()  # It is refused by the new one at once.
        self.assertEqual(worker.wait(PATIENCE), 69)

    def test_sigterm_and_ctrl_c_end_daemons_in_order(self):
        for daemon, number, code in ((self.head(), signal.SIGTERM, 143), (self.server(), signal.SIGINT, 130),
                                     (self.worker(), signal.SIGTERM, 143)):
            wait_for(lambda: pathlib.Path(f"/proc/{daemon.pid}/cmdline").read_bytes() != b"", "exec")
            wait_for(lambda: "pid" in self.log("head") or daemon.poll() is None, "a start")
            wait_for(lambda: f"pid {daemon.pid}: " in "".join(p.read_text() for p in self.folder.glob("*.log")), "a log")
            daemon.send_signal(number)
            self.assertEqual(daemon.wait(PATIENCE), code)

    def test_a_port_in_use(self):
        self.head()
        wait_for(lambda: "head at" in self.log("head"), "the first head")
        line = self.fail_with(69, "head", "--listen", self.cluster)
        self.assertIn(f"cannot listen at {self.cluster}: it is in use", line)

    def test_a_head_that_is_none(self):
        self.head()
        self.server()
        self.wait_for_nodes(1, 0)
        address = self.status()["nodes"][0]["address"]
        line = self.fail_with(69, "status", "--cluster", address)
        self.assertIn("not a head", line)
        worker = self.daemon("lost", "worker", "--head", address)
        self.assertEqual(worker.wait(PATIENCE), 69)

    def test_what_others_could_reach_is_refused_or_warned_of(self):
        for command in (("head",), ("server", "--head", self.cluster), ("up",)):
            line = self.fail_with(2, *command, "--listen", "0.0.0.0:0" if command == ("head",) else "192.0.2.1:0")
            self.assertIn("loopback addresses only", line)
        self.assertIn("no address that workers can connect to",
                      self.fail_with(2, "server", "--head", self.cluster, "--listen", "0.0.0.0:0",
                                     "--insecure-allow-remote"))
        self.daemon("head", "head", "--listen", "0.0.0.0:0", "--insecure-allow-remote")
        wait_for(lambda: "warning: anybody who reaches" in self.log("head"), "a warning")

    def test_no_head(self):
        line = self.fail_with(69, "status", "--cluster", self.cluster)
        self.assertIn("no head answers within 5 s", line)
        self.assertIn(self.cluster, line)
        self.assertIn("--cluster HOST:PORT is missing", self.fail_with(2, "status"))


class Jobs(ClusterTest):
    def test_two_jobs_at_once(self):
        self.start_cluster()
        both = [self.start_command("train", "train.svm", "--cluster", self.cluster, "--workers", "1", "--quiet", "--json",
                                   "--passes", "20", "--model", f"m{i}", "--l1", str(i)) for i in (1, 2)]
        def together():
            jobs = [job for job in self.jobs() if job["state"] == "running"]
            return len(jobs) == 2 or all(p.poll() is not None for p in both)
        wait_for(together, "two running jobs")
        for process in both:
            out, error = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, error)
            self.assertEqual(json.loads(out)["rows"], 20000)
        for i in (1, 2):
            self.train("--passes", "20", "--model", "alone", "--l1", str(i))
            self.assertEqual(self.rows(f"m{i}"), self.rows("alone"))
        self.assertEqual((self.status()["tables"], self.jobs()), ([], []))

    def test_a_job_waits_for_busy_workers(self):
        self.start_cluster(1, 1)
        first = self.long_job()
        self.wait_for_states("running")
        second = self.start_command("train", "train.svm", "--cluster", self.cluster)
        line = second.stderr.readline().decode()
        self.assertEqual(line, "steelyard: waiting for workers: 0 of 1 are free, 1 work for other jobs\n")
        self.wait_for_states("running", "waiting")
        first.send_signal(signal.SIGINT)
        _, error = first.communicate(timeout=PATIENCE)
        self.assertEqual(first.returncode, 130)
        self.assertIn(b"the job is cancelled and no model was saved", error)
        self.assertEqual(second.wait(PATIENCE), 0)

    def test_what_a_batch_solver_has_reached_is_shown(self):
        self.start_cluster(1, 2)
        self.assertEqual([job.get("objective") for job in self.jobs()], [])
        # Tolerance 0: it goes on until it is cancelled.
        job = self.start_command("train", "train.svm", "--cluster", self.cluster, "--quiet", "--solver", "dbpg", "--l1", "60",
                                 "--tolerance", "0", "--passes", "1000000")
        def settled():
            jobs = self.jobs()
            return job.poll() is not None or (len(jobs) == 1 and jobs[0].get("settled_fraction", 0) > 0 and jobs[0]["pass"] > 2)
        wait_for(settled, "a pass that left features out")
        (seen,) = self.jobs()
        self.assertLess(seen["objective"], 20000 * 0.6932, "below that of no model")
        self.assertLessEqual(seen["settled_fraction"], 1)
        shown = re.compile(r"running  pass \d+  objective \d+\.\d\d  \d+ % of 50 features left out  ")
        # Now and then it is between passes.
        for command in (("jobs", "ls"), ("status",)):
            wait_for(lambda c=command: shown.search(self.succeed(*c, "--cluster", self.cluster).out), f"figures in {command}")
        job.send_signal(signal.SIGINT)
        job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 130)

    def test_a_model_with_an_intercept_is_the_same_from_a_cluster(self):
        self.start_cluster(2, 1)
        for solver in (["ftrl"], ["adam"], ["dbpg", "--tau", "0"], ["owlqn"]):
            flags = ["--intercept", "--solver", *solver]
            self.train(*flags, "--model", "alone")
            self.train(*flags, "--model", "cluster", "--cluster", self.cluster)
            self.assertEqual(self.rows("cluster"), self.rows("alone"), solver)
            line = self.succeed("train", "train.svm", *flags, "--cluster", self.cluster, "--detach").out
            number = re.search(r"job (\d+)", line)[1]
            self.succeed("jobs", "wait", number, "--cluster", self.cluster, "--model", "fetched", "--quiet")
            self.assertEqual(self.rows("fetched"), self.rows("alone"), solver)
            self.assertEqual(self.succeed("predict", "train.svm", "--model", "fetched").out,
                             self.succeed("predict", "train.svm", "--model", "alone").out)

    def check_death(self, victim: subprocess.Popen, role: str, servers: int, workers: int):
        job = self.long_job("--workers", "2")
        self.wait_for_states("running")
        victim.kill()
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 69, error)
        self.assertRegex(error.decode(), rf"^steelyard: {role} \d+ \(.*pid {victim.pid}\): died: ")
        self.wait_for_nodes(servers, workers)
        self.assertEqual(self.train("--cluster", self.cluster)["rows"], 20000)

    def test_a_killed_server_is_named_and_the_cluster_goes_on(self):
        _, servers, _ = self.start_cluster()
        self.check_death(servers[0], "server", 1, 2)

    def test_a_killed_worker_is_named_and_other_jobs_go_on(self):
        _, _, workers = self.start_cluster(2, 3)
        other = self.long_job("--workers", "1")
        self.wait_for_states("running")
        free = [w for w in workers if not any(
            n["process"] == f"pid {w.pid}" and "job" in n for n in self.status()["nodes"])]
        job = self.long_job("--workers", "2")
        self.wait_for_states("running", "running")
        free[0].kill()
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 69, error)
        self.assertIn(f"pid {free[0].pid}", error.decode())
        self.assertEqual([j["state"] for j in self.jobs()], ["running"])
        self.assertIsNone(other.poll())

    def test_a_restarted_head_ends_jobs_and_the_cluster_goes_on(self):
        head, _, _ = self.start_cluster(1, 1)
        job = self.long_job()
        self.wait_for_states("running")
        head.kill()
        head.wait()
        self.head()
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 69, error)
        self.assertIn(b"the head was restarted, its tables and jobs are lost", error)
        self.wait_for_nodes(1, 1)
        self.assertEqual(self.train("--cluster", self.cluster)["rows"], 20000)

    def test_a_submitter_that_is_killed_takes_its_job_along(self):
        self.start_cluster(1, 1)
        job = self.long_job()
        self.wait_for_states("running")
        job.kill()
        wait_for(lambda: self.jobs() == [] and self.status()["tables"] == [], "the end of job and table")
        self.train("--cluster", self.cluster)

    def test_a_worker_names_itself_and_the_path_it_cannot_open(self):
        """The submitter has the file, a worker that runs as on another machine (chroot is not ours) finds it gone."""
        self.start_cluster(1, 1)
        first = self.long_job()
        self.wait_for_states("running")
        second = self.start_command("train", "gone.svm", "--cluster", self.cluster)
        self.assertEqual(second.wait(PATIENCE), 65)  # The submitter looks itself.
        self.write("gone.svm", svm_rows(100))
        third = self.start_command("train", "gone.svm", "--cluster", self.cluster)
        self.wait_for_states("running", "waiting")
        (self.folder / "gone.svm").unlink()
        first.send_signal(signal.SIGINT)
        _, error = third.communicate(timeout=PATIENCE)
        self.assertEqual(third.returncode, 65, error)
        self.assertRegex(error.decode().splitlines()[-1],
                         rf"^steelyard: {re.escape(str(self.folder))}/gone.svm: .*\(worker \d+ \(pid \d+\)\)$")

    def test_detached_jobs(self):
        self.start_cluster(1, 1)
        left = self.train("--cluster", self.cluster, "--detach", "--passes", "2", "--keep-names")
        self.assertEqual((left["status"], left["job"], left["cluster"]), ("ok", 1, self.cluster))
        self.assertEqual(self.succeed("jobs", "wait", "1", "--cluster", self.cluster).out, "job 1 is done\n")
        self.wait_for_states("done")
        self.assertEqual(self.status()["tables"][0]["job"], 1)
        report = self.succeed("jobs", "wait", "1", "--cluster", self.cluster, "--model", "far", "--json").json()
        self.assertEqual((report["rows"], report["passes"], report["model"]), (20000, 2, "far"))
        self.assertNotIn("rows_per_second", report)
        self.train("--model", "near", "--passes", "2")
        self.assertEqual(self.rows("far"), self.rows("near"))
        self.assertEqual(self.succeed("predict", "train.svm", "--model", "far").out,
                         self.succeed("predict", "train.svm", "--model", "near").out)
        self.assertEqual((self.jobs(), self.status()["tables"]), ([], []))
        self.assertIn("there is no job 1", self.fail_with(65, "jobs", "wait", "1", "--cluster", self.cluster))

    def test_ctrl_c_ends_the_waiting_and_cancel_the_job(self):
        self.start_cluster(1, 1)
        self.train("--cluster", self.cluster, "--detach", "--passes", "100000")
        self.wait_for_states("running")
        waiter = self.start_command("jobs", "wait", "1", "--cluster", self.cluster, "--model", "m")
        wait_for(lambda: any(n["role"] == "worker" for n in self.status()["nodes"]), "a status")
        other = self.start_command("jobs", "wait", "1", "--cluster", self.cluster)
        wait_for(lambda: len(self.sockets(waiter.pid)) > 0, "the waiter's connection")
        waiter.send_signal(signal.SIGINT)
        _, error = waiter.communicate(timeout=PATIENCE)
        self.assertEqual(waiter.returncode, 130, error)
        self.assertEqual([job["state"] for job in self.jobs()], ["running"])
        self.assertEqual(self.succeed("jobs", "cancel", "1", "--cluster", self.cluster).out, "job 1 is cancelled\n")
        _, error = other.communicate(timeout=PATIENCE)
        self.assertEqual(other.returncode, 69, error)
        self.assertIn(b"the job was cancelled: by steelyard jobs cancel", error)
        self.wait_for_states("failed")
        wait_for(lambda: self.status()["tables"] == [], "the end of the table")
        self.assertIn("there is no job 7", self.fail_with(65, "jobs", "cancel", "7", "--cluster", self.cluster))

    @staticmethod
    def sockets(pid: int) -> list[str]:
        links = (os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())
        return [link for link in links if link.startswith("socket:")]

    def test_a_job_of_somebody_else_can_be_cancelled_and_its_submitter_is_told(self):
        self.start_cluster(1, 1)
        job = self.long_job()
        self.wait_for_states("running")
        self.succeed("jobs", "cancel", "1", "--cluster", self.cluster)
        _, error = job.communicate(timeout=PATIENCE)
        self.assertEqual(job.returncode, 69)
        self.assertIn(b"the job was cancelled: by steelyard jobs cancel", error)

    def test_patterns_relative_paths_and_held_out_files(self):
        self.start_cluster(1, 1)
        rows = (self.folder / "train.svm").read_text().splitlines(keepends=True)
        self.write("part-1.svm", "".join(rows[:15000]))
        self.write("part-2.svm", "".join(rows[15000:]))
        self.write("v.svm", svm_rows(500, seed=9))
        arguments = ("train", "part-*.svm", "--valid", "./v.svm", "--json", "--quiet")
        near = self.succeed(*arguments, "--model", "near").json()
        far = self.succeed(*arguments, "--model", "far", "--cluster", self.cluster).json()
        self.assertEqual((far["rows"], far["valid"]), (20000, near["valid"]))
        self.assertEqual(self.rows("far"), self.rows("near"))
        self.assertIn("no-*.svm", self.fail_with(65, "train", "no-*.svm", "--cluster", self.cluster))

    def test_refusals(self):
        self.assertIn("standard input (-) cannot be read by the workers of a cluster",
                      self.fail_with(2, "train", "-", "--cluster", self.cluster))
        self.assertIn("--detach leaves a job with a cluster", self.fail_with(2, "train", "train.svm", "--detach"))
        self.assertIn("--detach and --tolerance exclude each other",
                      self.fail_with(2, "train", "train.svm", "--detach", "--cluster", self.cluster, "--holdout", "every",
                                     "--tolerance", "0.1"))
        self.assertIn("JOB must be a job's number", self.fail_with(2, "jobs", "wait", "x", "--cluster", self.cluster))

    def test_the_best_pass_is_kept_on_a_cluster_too(self):
        self.start_cluster(2, 1)
        self.write("few.svm", svm_rows(200, features=200))
        arguments = ("train", "few.svm", "--holdout", "every", "--l1", "0", "--alpha", "0.5", "--passes", "8", "--tolerance",
                     "1e-9", "--json", "--quiet")
        near = self.succeed(*arguments, "--model", "near").json()
        far = self.succeed(*arguments, "--model", "far", "--cluster", self.cluster).json()
        self.assertEqual((far["kept_pass"], far["valid"]), (near["kept_pass"], near["valid"]))
        self.assertEqual(self.rows("far"), self.rows("near"))


class Top(ClusterTest):
    def test_top_shows_the_cluster_on_a_terminal(self):
        self.start_cluster(1, 1)
        self.assertIn("use steelyard status", self.fail_with(2, "top", "--cluster", self.cluster))
        ours, theirs = pty.openpty()
        top = subprocess.Popen([BINARY, "top", "--cluster", self.cluster], cwd=self.folder, stdout=theirs,
                               stderr=subprocess.DEVNULL, env=self.environment)
        self.addCleanup(top.wait)
        self.addCleanup(top.kill)
        os.close(theirs)
        shown = b""
        while shown.count(b"\x1b[2J") < 2:  # It refreshes.
            shown += os.read(ours, 65536)
        top.send_signal(signal.SIGINT)
        self.assertEqual(top.wait(PATIENCE), 130)
        os.close(ours)
        self.assertIn(f"cluster {self.cluster}".encode(), shown)
        self.assertRegex(shown.decode(), r"worker +pid \d+")
        self.assertRegex(shown.decode(), r"server +pid \d+ .* ago  \d+ \w+, \d+ \w+, \d+ \w+")


class UpAndDown(ClusterTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.run_command, "down")

    def up(self, *arguments) -> dict:
        return self.succeed("up", "--listen", "127.0.0.1:0", "--json", *arguments).json()

    def test_up_and_down(self):
        started = self.up("--servers", "1", "--workers", "2")
        self.assertEqual(started["data_dir"], str(self.folder / "steelyard-cluster"))
        self.assertEqual(len(set(started["pids"])), 4)
        self.assertTrue(all(alive(pid) for pid in started["pids"]))
        self.cluster = started["cluster"]
        nodes = self.status()["nodes"]
        self.assertEqual(sorted(node["role"] for node in nodes), ["server", "worker", "worker"])
        self.assertEqual({node["process"] for node in nodes}, {f"pid {pid}" for pid in started["pids"][1:]})
        for pid in started["pids"]:
            self.assertEqual(os.getsid(pid), pid, "a session of its own")
        addresses = [self.cluster, *(node["address"] for node in nodes if node["role"] == "server")]
        self.assertTrue(all(address.startswith("127.0.0.1:") for address in addresses))
        for address in addresses:
            self.assertIn("listens", self.connections(address))
        self.assertIn("connected", self.connections(self.cluster), "servers and workers reach the head so")
        with socket.create_connection(("127.0.0.1", int(self.cluster.split(":")[1]))):
            pass  # By TCP, too.
        self.assertEqual(self.train("--cluster", self.cluster)["workers"], 2)
        self.assertIn(f"the cluster in ./steelyard-cluster is at {self.cluster}", self.fail_with(2, "status"))
        self.assertIn("a cluster runs here already", self.fail_with(69, "up", "--listen", "127.0.0.1:0"))
        ended = self.succeed("down", "--json").json()
        self.assertEqual((ended["ended"], ended["killed"]), (4, 0))
        self.assertFalse(any(alive(pid) for pid in started["pids"]))
        self.assertEqual(self.succeed("down").out, "nothing ran\n")
        self.up("--servers", "1", "--workers", "1")

    @staticmethod
    def connections(address: str) -> set[str]:
        """Of the Unix-domain socket that stands for this address on its own machine."""
        lines = (line.split() for line in pathlib.Path("/proc/net/unix").read_text().splitlines())
        names = {"01": "listens", "03": "connected"}
        return {names[words[5]] for words in lines if words[-1] == f"@steelyard-{address}"}

    def test_down_ends_what_is_left(self):
        started = self.up()
        os.kill(started["pids"][0], signal.SIGKILL)
        os.kill(started["pids"][-1], signal.SIGKILL)
        os.kill(started["pids"][1], signal.SIGSTOP)
        wait_for(lambda: not alive(started["pids"][0]) and not alive(started["pids"][-1]), "two ends")
        ended = self.succeed("down", "--json").json()
        self.assertEqual((ended["ended"], ended["killed"]), (2, 1))
        self.assertFalse(any(alive(pid) for pid in started["pids"]))

    def test_up_that_fails_leaves_nothing_running(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            line = self.fail_with(69, "up", "--listen", address)
        self.assertIn(f"cannot listen at {address}: it is in use", line)
        self.assertEqual(list((self.folder / "steelyard-cluster").glob("*.pid")), [])
        self.assertIn("no data directory", self.fail_with(65, "down", "--data-dir", "nowhere"))

    def test_ctrl_c_during_up_ends_what_was_started(self):
        up = self.start_command("up", "--listen", "127.0.0.1:0")
        folder = self.folder / "steelyard-cluster"
        wait_for((folder / "head.pid").exists, "a head")
        os.kill(int((folder / "head.pid").read_text().split()[0]), signal.SIGSTOP)  # Nobody can join it.
        pids = [int(file.read_text().split()[0]) for file in folder.glob("*.pid")]
        up.send_signal(signal.SIGINT)
        _, error = up.communicate(timeout=PATIENCE)
        self.assertEqual(up.returncode, 130, error)
        self.assertIn(b"what was started is ended again", error)
        self.assertFalse(any(alive(pid) for pid in pids))
        self.assertEqual(list(folder.glob("*.pid")), [])

    def test_a_pid_that_another_process_has_now_is_left_alone(self):
        started = self.up("--servers", "0", "--workers", "0")
        self.succeed("down")
        (self.folder / "steelyard-cluster" / "head.pid").write_text(f"{os.getpid()} 1\n")
        self.assertEqual(self.succeed("down").out, "nothing ran\n")
        self.assertEqual(len(started["pids"]), 1)


if __name__ == "__main__":
    unittest.main()

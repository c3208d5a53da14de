"""Standard input with worker processes: the rows, bits, lines, bounds and ends are those of one process."""
import gzip
import os
import pathlib
import signal
import subprocess
import threading
import time
import unittest

from command import BINARY, SANITIZED, TIME_LIMIT, CommandTest, svm_rows
from process_watch import PATIENCE, alive, children_of, reads_a_pipe, role_of, wait_for

PROCESSES = ("--servers", "1", "--workers", "1")
PAIR = ("--servers", "1", "--workers", "2")


class Stream(CommandTest):
    def train(self, text: bytes | str, *arguments) -> dict:
        data = text.encode() if isinstance(text, str) else text
        return self.succeed("train", "-", "--json", "--quiet", *arguments, stdin=data).json()

    def dump(self) -> str:
        return self.succeed("table", "dump", "--all").out

    def start_with_pipe(self, *arguments) -> subprocess.Popen:
        process = subprocess.Popen([BINARY, "train", "-", "--quiet", *arguments], cwd=self.folder, env=self.environment,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process: subprocess.Popen):
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def workers_of(self, parent: subprocess.Popen, count: int) -> list[int]:
        def found():
            pids = [pid for pid in children_of(parent.pid) if role_of(pid) == "worker"]
            return len(pids) == count and pids
        return wait_for(found, f"{count} workers")

    def test_one_worker_learns_the_same_bits(self):
        text = svm_rows(12000, features=2000, active=20)
        options = ("--holdout", "every", "--l1", "0.1")
        alone = self.train(text, *options)
        expected = self.dump()
        self.assertGreater(len(expected.splitlines()), 1000)
        other = self.train(text, *options, *PROCESSES)
        self.assertEqual(self.dump(), expected)
        for field in ("rows", "features", "nonzeros", "progressive_log_loss"):
            self.assertEqual(other[field], alone[field])
        self.assertEqual(other["valid"], alone["valid"])

    def test_packed_rows(self):
        text = svm_rows(9000)
        self.train(text)
        expected = self.dump()
        self.train(gzip.compress(text.encode()), *PROCESSES)
        self.assertEqual(self.dump(), expected)

    def test_two_workers_train_every_row_once(self):
        text = svm_rows(30011)
        held_out = sum((r * 2654435761) % 2**32 < 429496729 for r in range(30011))
        report = self.train(text, "--holdout", "every", *PAIR)
        self.assertEqual((report["rows"], report["valid"]["rows"]), (30011 - held_out, held_out))
        self.assertGreater(report["valid"]["auc"], 0.9)

    def test_columns_by_name(self):
        schema = '[label]\ncolumn = "y"\n[features]\nx = { column = "x" }\n'
        self.write("s.toml", schema)
        text = "y,x\n" + "".join(f"{i % 2},v{i % 37}\n" for i in range(10000))
        options = ("--schema", "s.toml", "--keep-names", "--l1", "0.1")
        self.train(text, *options)
        expected, names = self.dump(), self.succeed("inspect", "--json").json()["top"]
        self.train(text, *options, *PROCESSES)
        self.assertEqual(self.dump(), expected)
        self.assertEqual(self.succeed("inspect", "--json").json()["top"], names)

    def test_a_bad_row_in_the_middle(self):
        text = "# first\n" + svm_rows(10000) + "\nx 1:1\n" + svm_rows(10000)
        for processes in ((), PROCESSES, PAIR):
            line = self.fail_with(65, "train", "-", "--quiet", *processes, stdin=text.encode())
            self.assertIn("standard input:10003: expected a label, found 'x'", line)
        report = self.train(text, "--bad-rows-max", "1", *PAIR)
        self.assertEqual((report["rows"], report["bad_rows"]), (20000, 1))

    def test_a_truncated_stream(self):
        packed = gzip.compress(svm_rows(30000).encode())
        line = self.fail_with(65, "train", "-", "--quiet", *PAIR, stdin=packed[:len(packed) * 3 // 4])
        self.assertIn("standard input: the gzip stream is truncated", line)

    def test_streams_that_are_refused(self):
        self.write("train.svm", svm_rows(100))
        self.assertIn("the input is empty", self.fail_with(65, "train", "-", "--quiet", *PAIR))
        self.assertIn("--passes 2 needs a file", self.fail_with(2, "train", "-", "--passes", "2", *PAIR))
        self.assertIn("last:P%", self.fail_with(2, "train", "-", "--holdout", "last:10%", *PAIR))
        os.mkfifo(self.folder / "pipe")
        writer = threading.Thread(target=lambda: (self.folder / "pipe").write_text(svm_rows(50)), daemon=True)
        writer.start()
        line = self.fail_with(2, "train", "pipe", "--valid", "-", "--quiet", *PAIR, stdin=svm_rows(50).encode())
        self.assertIn("DATA and --valid are both streams", line)

    def test_validation_from_standard_input(self):
        self.write("train.svm", svm_rows(8000))
        valid = svm_rows(9000, seed=7).encode()
        reports = []
        for processes in ((), PROCESSES, PAIR):
            ended = self.succeed("train", "train.svm", "--valid", "-", "--json", "--quiet", *processes, stdin=valid)
            reports.append(ended.json()["valid"])
            self.assertEqual(reports[-1]["rows"], 9000)
        self.assertEqual(reports[0], reports[1])

    def test_a_named_pipe(self):
        text = svm_rows(9000)
        self.train(text)
        expected = self.dump()
        os.mkfifo(self.folder / "pipe.svm")
        writer = threading.Thread(target=lambda: (self.folder / "pipe.svm").write_text(text), daemon=True)
        writer.start()
        self.succeed("train", "pipe.svm", "--quiet", *PROCESSES)
        self.assertEqual(self.dump(), expected)

    def test_kill_of_a_worker_while_it_is_fed(self):
        parent = self.start_with_pipe(*PAIR)
        pids = []
        text = svm_rows(5000).encode()

        def feed():
            try:
                while True:
                    parent.stdin.write(text)
            except (BrokenPipeError, ValueError):
                pass
        threading.Thread(target=feed, daemon=True).start()
        pids = self.workers_of(parent, 2)
        os.kill(pids[0], signal.SIGKILL)
        parent.wait(PATIENCE)
        error = parent.stderr.read().decode()
        self.assertEqual(parent.returncode, 69, error)
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertRegex(error, rf"worker \d \(pid {pids[0]}\): was killed by signal 9")
        wait_for(lambda: not any(alive(pid) for pid in pids), "the end of all workers")

    def test_ctrl_c_while_standard_input_says_nothing(self):
        for early in (b"", svm_rows(9000).encode()):
            parent = self.start_with_pipe(*PAIR)
            parent.stdin.write(early)
            parent.stdin.flush()
            pids = self.workers_of(parent, 2) if early else []
            wait_for(lambda: reads_a_pipe(parent.pid), "a read that blocks")
            start = time.monotonic()
            parent.send_signal(signal.SIGINT)
            self.assertEqual(parent.wait(PATIENCE), 130)
            self.assertLess(time.monotonic() - start, 3.0)
            self.assertIn(b"interrupted by Ctrl-C", parent.stderr.read())
            wait_for(lambda: not any(alive(pid) for pid in pids), "the end of all workers")

    def test_memory_stays_bounded(self):
        rows = svm_rows(4000, features=20, active=10).encode()
        parent = self.start_with_pipe(*PAIR, "--json")

        def feed():
            for _ in range(400):  # About 80 MB.
                parent.stdin.write(rows)
            parent.stdin.close()
        threading.Thread(target=feed, daemon=True).start()
        peak = 0
        while parent.poll() is None:
            for pid in [parent.pid, *children_of(parent.pid)]:
                try:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.02)
        self.assertEqual(parent.returncode, 0, parent.stderr.read())
        self.assertLess(peak, 600_000 if SANITIZED else 60_000, "kB of the largest process")


if __name__ == "__main__":
    unittest.main()

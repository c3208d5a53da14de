"""jobs call: workers of a job answer functions while they learn."""
import json
import os
import signal
import unittest

from cluster_case import ClusterTest
from process_watch import PATIENCE, wait_for


class JobsCall(ClusterTest):
    def call(self, *arguments):
        return self.run_command("jobs", "call", *arguments, "--cluster", self.cluster)

    def progress(self, job: int = 1) -> list[dict]:
        """What the workers say of themselves; nothing while they do not answer yet."""
        ended = self.call(job, "progress", "--json")
        return [json.loads(answer["answer"]) for answer in ended.json()["answers"]] if ended.code == 0 else []

    def test_progress_of_an_online_job_whose_worker_then_dies(self):
        _, _, workers = self.start_cluster(1, 2)
        job = self.long_job("--minibatch", "20", "--solver", "adam", "--intercept")
        found = wait_for(lambda: len(p := self.progress()) == 2 and all(w["rows"] > 0 for w in p) and p, "both workers")
        self.assertEqual([(w["job"], w["worker"]) for w in found], [(1, 0), (1, 1)])
        for worker in found:
            self.assertIn(worker["phase"], ("training", "waiting"))
            self.assertLess(worker["loss"], 1)
            self.assertLessEqual(worker["staleness"]["mean"], worker["staleness"]["max"])
            self.assertLessEqual(worker["staleness"]["max"], 1, "tau")
        wait_for(lambda: (p := self.progress()) and p[0]["pass"] > found[0]["pass"], "a later pass")
        one = self.succeed("jobs", "call", "1", "progress", "--worker", "1", "--cluster", self.cluster).out
        self.assertEqual(json.loads(one.removeprefix("worker 1: "))["worker"], 1)
        self.assertIn("has no function 'nothing'; it has 'progress'",
                      self.fail_with(65, "jobs", "call", "1", "nothing", "--cluster", self.cluster))
        self.assertIn("the group of job 1 has no member 2; it has 0, 1",
                      self.fail_with(65, "jobs", "call", "1", "progress", "--worker", "2", "--cluster", self.cluster))
        os.kill(workers[0].pid, signal.SIGKILL)
        self.assertEqual(job.wait(PATIENCE), 69)
        wait_for(lambda: "the group of job 1 has no member that answers functions" in self.call(1, "progress").err, "its end")

    def test_a_batch_job_and_the_next_one(self):
        self.start_cluster(2, 2)
        job = self.long_job("--solver", "dbpg", "--tolerance", "0")
        found = wait_for(lambda: len(p := self.progress()) == 2 and all("loss" in w for w in p) and p, "losses")
        self.assertEqual(sum(worker["rows"] for worker in found), 20000)
        self.assertLess(found[0]["loss"], 0.6932)
        job.send_signal(signal.SIGINT)
        self.assertEqual(job.wait(PATIENCE), 130)
        self.long_job()
        wait_for(lambda: len(self.progress(2)) == 2, "the next job's workers")
        self.assertIn("job 1", self.fail_with(65, "jobs", "call", "1", "progress", "--cluster", self.cluster))

    def test_a_worker_that_does_not_answer_is_named(self):
        _, _, workers = self.start_cluster(1, 1)
        self.long_job()
        wait_for(self.progress, "the worker")
        os.kill(workers[0].pid, signal.SIGSTOP)
        self.assertRegex(self.fail_with(69, "jobs", "call", "1", "progress", "--cluster", self.cluster),
                         r"member 0 of the group of job 1 is gone and had not answered 'progress', which may have run: ")


if __name__ == "__main__":
    unittest.main()

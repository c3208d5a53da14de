"""Starting and watching the daemons of a cluster, for tests of them."""
import socket
import subprocess

from command import BINARY, CommandTest, svm_rows
from process_watch import wait_for


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class ClusterTest(CommandTest):
    """A test that may start daemons; each one's standard error is in a file."""

    def setUp(self):
        super().setUp()
        self.write("train.svm", svm_rows(20000))
        self.cluster = f"127.0.0.1:{free_port()}"

    def daemon(self, name: str, *arguments) -> subprocess.Popen:
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen([BINARY, *arguments], cwd=self.folder, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def head(self) -> subprocess.Popen:
        return self.daemon("head", "head", "--listen", self.cluster)

    def server(self, name: str = "server") -> subprocess.Popen:
        return self.daemon(name, "server", "--head", self.cluster)

    def worker(self, name: str = "worker") -> subprocess.Popen:
        return self.daemon(name, "worker", "--head", self.cluster)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def status(self) -> dict:
        return self.succeed("status", "--cluster", self.cluster, "--json").json()

    def wait_for_nodes(self, servers: int, workers: int):
        def there():
            ended = self.run_command("status", "--cluster", self.cluster, "--json")
            if ended.code != 0:
                return False
            roles = [node["role"] for node in ended.json()["nodes"]]
            return roles.count("server") == servers and roles.count("worker") == workers
        try:
            wait_for(there, f"a cluster of {servers} servers and {workers} workers")
        except AssertionError as never:
            logs = "".join(f"\n--- {log.name}\n{log.read_text()}" for log in sorted(self.folder.glob("*.log")))
            raise AssertionError(f"{never}; the daemons said:{logs}") from None

    def start_cluster(self, servers: int = 2, workers: int = 2):
        """@return the head, the servers and the workers."""
        head = self.head()
        processes = [self.server(f"server-{i}") for i in range(servers)]
        learners = [self.worker(f"worker-{i}") for i in range(workers)]
        self.wait_for_nodes(servers, workers)
        return head, processes, learners

    def long_job(self, *arguments) -> subprocess.Popen:
        return self.start_command("train", "train.svm", "--cluster", self.cluster, "--quiet", "--passes", "100000",
                                  *arguments)

    def jobs(self) -> list[dict]:
        return self.succeed("jobs", "ls", "--cluster", self.cluster, "--json").json()["jobs"]

    def wait_for_states(self, *states: str):
        wait_for(lambda: [job["state"] for job in self.jobs()] == list(states), f"jobs that are {states}")

    def train(self, *arguments) -> dict:
        return self.succeed("train", "train.svm", *arguments, "--json", "--quiet").json()

    def rows(self, model: str) -> bytes:
        return (self.folder / model / "table-w.rows").read_bytes()

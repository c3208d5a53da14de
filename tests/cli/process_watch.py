"""What the processes of a run are, and waiting for what they do."""
import pathlib
import time

from command import SANITIZED

PATIENCE = 20.0 * (5 if SANITIZED else 1)


def children_of(pid: int) -> list[int]:
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def role_of(pid: int) -> str:
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return words[1].decode() if len(words) > 1 else ""


def state_of(pid: int) -> str:
    """As ps shows it: R, S, T (stopped), Z; nothing when the process is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """True unless the process is gone or a zombie that only waits to be reaped."""
    return state_of(pid) not in ("", "Z")


def wait_for(condition, what: str):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {PATIENCE} s")


def reads_a_pipe(pid: int) -> bool:
    return any("pipe_read" in (task / "wchan").read_text() for task in pathlib.Path(f"/proc/{pid}/task").iterdir())

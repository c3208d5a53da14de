"""Counts and headings of the test stages, and the closing line."""
import dataclasses
import os
import sys
import time


@dataclasses.dataclass
class Count:
    """What a stage, or a part of one, found. `notes` are lines for the person: failures and reasons of skips."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.notes + other.notes,
        )

    def line(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def passed(number: int = 1) -> Count:
    return Count(passed=number)


def failed(note: str) -> Count:
    return Count(failed=1, notes=[f"FAILED: {note}"])


def skipped(reason: str) -> Count:
    return Count(skipped=1, notes=[f"skipped: {reason}"])


class Report:
    """Runs stages one after another, prints what they found, and remembers it for the table at the end."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, float, Count]] = []
        self._in_ci = os.environ.get("CI", "").lower() in ("true", "1")

    def run(self, name: str, what: str, stage) -> None:
        print(f"\n=== {name}: {what}", flush=True)
        start = time.monotonic()
        try:
            count = stage()
        except Exception as error:  # pylint: disable=broad-except
            count = failed(f"the stage itself broke: {type(error).__name__}: {error}")
        seconds = time.monotonic() - start
        if self._in_ci and count.skipped:
            count = Count(count.passed, count.failed + count.skipped, 0,
                          count.notes + ["in CI a skip is a failure"])
        for note in count.notes:
            print(f"    {note}")
        print(f"--- {name}: {count.line()} ({seconds:.1f} s)", flush=True)
        self._rows.append((name, seconds, count))

    def close(self) -> int:
        """Print the table and the closing line; return the exit code."""
        total = sum((row[2] for row in self._rows), Count())
        print("\nstage              seconds   passed   failed  skipped")
        for name, seconds, count in self._rows:
            print(f"{name:<16} {seconds:9.1f} {count.passed:8} {count.failed:8} {count.skipped:8}")
        print(f"{'':<16} {sum(row[1] for row in self._rows):9.1f}\n")
        print(total.line())
        sys.stdout.flush()
        return 0 if total.failed == 0 and total.passed > 0 else 1

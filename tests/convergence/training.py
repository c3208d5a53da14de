"""Training runs of the steelyard binary (environment variable STEELYARD) and the data sets they need."""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = str(pathlib.Path(os.environ.get("STEELYARD", ROOT / "build/release/steelyard")).resolve())
DATA = pathlib.Path(os.environ.get("STEELYARD_DATA", ROOT.parent / "shared/data"))
FLIGHTS = ROOT / ".deps/data/flights-3m.parquet"
GENERATOR_SOURCE = DATA / "ctr_gen.cc"
SCHEMA = ROOT / "examples/flights.toml"
TIME_LIMIT = 600
SKIPPED = 77  # What ctest takes as "skipped".

# The rows of the generator are fixed by its seeds; a wrong file would fail every figure, so say that first.
SYNTHETIC = {"train.svm": ("1000000", "1", "17f62b0505510a6c69a7165ecc5b9a58"),
             "test.svm": ("100000", "2", "7d10530becde7599369e5eaf2516aa26")}


def run_tests(*needed: pathlib.Path):
    """unittest.main(), or a skip that names the first missing file."""
    for path in needed:
        if not path.exists():
            print(f"skipped: {path} is missing; ./setup fetches the flights, STEELYARD_DATA names the test data")
            sys.exit(SKIPPED)
    unittest.main(module="__main__")


def train(folder: pathlib.Path, *arguments, model: str = "model") -> dict:
    """Train and return the --json object."""
    words = [BINARY, "train", *map(str, arguments), "--model", model, "--json", "--quiet"]
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=TIME_LIMIT, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def dump_digest(folder: pathlib.Path, model: str) -> tuple[str, int]:
    """MD5 and line count of every row of a model, as text that keeps all bits."""
    done = subprocess.run([BINARY, "table", "dump", "--all", "--model", model], cwd=folder, capture_output=True,
                          timeout=TIME_LIMIT, check=True)
    return hashlib.md5(done.stdout).hexdigest(), done.stdout.count(b"\n")


def make_synthetic(folder: pathlib.Path):
    """Write train.svm and test.svm with the planted model of the data folder's generator."""
    generator = folder / "ctr_gen"
    subprocess.run(["g++", "-O3", "-o", generator, GENERATOR_SOURCE], check=True)
    for name, (rows, seed, digest) in SYNTHETIC.items():
        with open(folder / name, "wb") as out:
            subprocess.run([generator, rows, seed, "99"], stdout=out, check=True)
        found = hashlib.md5((folder / name).read_bytes()).hexdigest()
        if found != digest:
            raise AssertionError(f"{name} has md5 {found}, expected {digest}: another generator or libm")


def scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="steelyard-convergence-")

"""The bytes of every message and model file are those that are kept: what is deployed must be able to read them.

  golden_test.py FUZZ_SEEDS CORPUS

After a change that is meant (with a new protocol or format version): fuzz_seeds CORPUS writes them anew.
"""
import pathlib
import subprocess
import sys
import tempfile

seeds, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
good = bad = 0
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([seeds, folder], check=True)
    written = sorted(path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    for path in written:
        name = path.relative_to(folder)
        kept = corpus / name
        if kept.is_file() and kept.read_bytes() == path.read_bytes():
            good += 1
        else:
            bad += 1
            print(f"FAILED: {name}: " + ("its bytes changed" if kept.is_file() else "it is not kept"))
print(f"{good} passed, {bad} failed, 0 skipped")
sys.exit(1 if bad or not good else 0)

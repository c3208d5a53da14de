"""Plant each kind of forbidden reference in an archive and see that pure_symbols.py finds it; and that it finds no more.

  pure_symbols_test.py COMPILER
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import pure_symbols

COMPILER = sys.argv.pop() if len(sys.argv) > 1 else "g++"

PLANTED = {
    "socket": "#include <sys/socket.h>\nint f() { return socket(AF_INET, SOCK_STREAM, 0); }",
    "receive": "#include <sys/socket.h>\nlong f(int s, char* b) { return recv(s, b, 1, 0); }",
    "thread": "#include <thread>\nvoid f() { std::thread([] {}).join(); }",
    "lock": "#include <mutex>\nstd::mutex m;\nvoid f() { std::lock_guard l(m); }",
    "condition": "#include <condition_variable>\nstd::condition_variable c;\nvoid f() { c.notify_all(); }",
    "steady_clock": "#include <chrono>\nlong f() { return std::chrono::steady_clock::now().time_since_epoch().count(); }",
    "system_clock": "#include <chrono>\nlong f() { return std::chrono::system_clock::now().time_since_epoch().count(); }",
    "clock_gettime": "#include <time.h>\nlong f() { timespec t; return clock_gettime(CLOCK_MONOTONIC, &t); }",
    "time": "#include <ctime>\nlong f() { return time(nullptr); }",
    "sleep": "#include <thread>\nvoid f() { std::this_thread::sleep_for(std::chrono::seconds(1)); }",
    "fopen": "#include <cstdio>\nvoid* f() { return fopen(\"x\", \"r\"); }",
    "open": "#include <fcntl.h>\nint f() { return open(\"x\", O_RDONLY); }",
    "stream": "#include <fstream>\nint f() { std::ifstream s(\"x\"); return s.get(); }",
    "filesystem": "#include <filesystem>\nbool f() { return std::filesystem::exists(\"x\"); }",
    "cerr": "#include <iostream>\nvoid f() { std::cerr << 1; }",
    "random_device": "#include <random>\nunsigned f() { return std::random_device{}(); }",
    "rand": "#include <cstdlib>\nint f() { return rand(); }",
    "getenv": "#include <cstdlib>\nchar* f() { return getenv(\"HOME\"); }",
    "spawn": "#include <cstdlib>\nint f() { return system(\"true\"); }",
    "header": "#include <time.h>\nstruct S { virtual ~S() = default; virtual long f() { return time(nullptr); } };\n"
              "S* f() { return new S; }",
}

INNOCENT = """
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>
struct sender { void send(int); void time(); };  // Own names like these are no system calls.
std::shared_ptr<std::string> f(std::chrono::nanoseconds now, sender& s) {
  std::mt19937_64 seeded(7);
  std::map<std::string, std::function<int()>> m;
  std::vector<double> v(10, std::exp(double(now.count())));
  std::sort(v.begin(), v.end());
  s.send(1);
  s.time();
  if (v[0] > 1) { std::fprintf(stderr, "check failed"); std::abort(); }
  return std::make_shared<std::string>(std::to_string(seeded()));
}
"""


class PlantedTest(unittest.TestCase):
    def violations_of(self, source: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "planted.cc").write_text(source)
            subprocess.run([COMPILER, "-std=c++20", "-O1", "-c", "planted.cc", "-o", "planted.o"], cwd=path, check=True)
            subprocess.run(["ar", "rcs", "libsteelyard_planted.a", "planted.o"], cwd=path, check=True)
            return pure_symbols.violations(str(path / "libsteelyard_planted.a"))

    def test_each_planted_reference_is_found(self):
        for name, source in PLANTED.items():
            with self.subTest(name):
                self.assertTrue(self.violations_of(source), f"{name} was planted and not found")

    def test_pure_code_is_left_alone(self):
        self.assertEqual(self.violations_of(INNOCENT), [])

    def test_an_exception_holds_for_its_module_alone(self):
        pure_symbols.ALLOWED[("planted", "getenv")] = "test"
        try:
            self.assertEqual(self.violations_of(PLANTED["getenv"]), [])
            self.assertTrue(self.violations_of(PLANTED["rand"]))
        finally:
            del pure_symbols.ALLOWED[("planted", "getenv")]


if __name__ == "__main__":
    unittest.main()

"""What the counting of test cases makes of the outputs of the test programs."""
import unittest

import ctest

GTEST = """[==========] Running 4 tests from 1 test suite.
[ RUN      ] Table.Finds
[       OK ] Table.Finds (0 ms)
[ RUN      ] Table.Skips
x_test.cc:12: Skipped
no disk to fill
[  SKIPPED ] Table.Skips (0 ms)
[ RUN      ] Table.Breaks/TCP
x_test.cc:20: Failure
[  FAILED  ] Table.Breaks/TCP, where GetParam() = 16-byte object (79 ms)
[ RUN      ] Table.Fails
[  FAILED  ] Table.Fails (0 ms)
[==========] 4 tests from 1 test suite ran. (1 ms total)
[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Table.Skips
[  FAILED  ] 2 tests, listed below:
[  FAILED  ] Table.Breaks/TCP, where GetParam() = 16-byte object
[  FAILED  ] Table.Fails
 2 FAILED TESTS
"""


class CountTest(unittest.TestCase):
    def numbers(self, output: str, ok: bool) -> tuple[int, int, int]:
        count = ctest.count_output("table", output, ok)
        return count.passed, count.failed, count.skipped

    def test_gtest_cases_are_counted(self):
        self.assertEqual(self.numbers(GTEST, False), (1, 2, 1))
        notes = ctest.count_output("table", GTEST, False).notes
        self.assertIn("FAILED: table: Table.Breaks/TCP", notes)
        self.assertIn("skipped: table: Table.Skips: no disk to fill", notes)

    def test_a_crash_is_a_failure_whatever_was_printed(self):
        self.assertEqual(self.numbers("[ RUN      ] Table.Finds\nSegmentation fault\n", False), (0, 1, 0))
        self.assertEqual(self.numbers("[==========] 7 tests from 1 test suite ran.\nLeakSanitizer: leaks\n", False),
                         (7, 1, 0))

    def test_own_and_unittest_lines(self):
        self.assertEqual(self.numbers("skipped: b: no network\n3 passed, 0 failed, 1 skipped\n", True), (3, 0, 1))
        self.assertEqual(self.numbers("Ran 5 tests in 0.1s\n\nFAILED (failures=1, errors=1, skipped=1)\n", False),
                         (2, 2, 1))
        self.assertEqual(self.numbers("Ran 5 tests in 0.1s\n\nOK\n", True), (5, 0, 0))

    def test_anything_else_is_one_case(self):
        self.assertEqual(self.numbers("all is well\n", True), (1, 0, 0))
        self.assertEqual(self.numbers("", False), (0, 1, 0))


if __name__ == "__main__":
    unittest.main()

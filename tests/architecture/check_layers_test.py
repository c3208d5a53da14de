"""Plant includes in a small source tree and see which of them tools/check_layers.py reports."""
import importlib.util
import pathlib
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"
spec = importlib.util.spec_from_file_location("check_layers", TOOL)
check_layers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_layers)

MODULES = {"base": 0, "wire": 1, "table": 2, "apps/linear": 7}


class LayersTest(unittest.TestCase):
    def errors_of(self, path: str, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder)
            for module, layer in MODULES.items():
                (src / module).mkdir(parents=True)
                name = module.replace("/", "_")
                (src / module / "CMakeLists.txt").write_text(f"steelyard_module({name} LAYER {layer} SOURCES x.cc)\n")
            (src / path).write_text(text)
            return check_layers.errors_in(src)

    def test_downward_includes_are_fine(self):
        text = '#include "base/hash.h"\n#include "table/row.h"\n#include <vector>\n#include "steelyard/status.h"\n'
        self.assertEqual(self.errors_of("apps/linear/ftrl.h", text), [])
        self.assertEqual(self.errors_of("table/row.h", '#include "wire/frame.h"\n#include "table/cell.h"\n'), [])

    def test_an_upward_include_is_found(self):
        self.assertEqual(len(self.errors_of("wire/frame.cc", '#include "table/row.h"\n')), 1)
        self.assertEqual(len(self.errors_of("base/hash.h", '  #  include "apps/linear/ftrl.h"\n')), 1)

    def test_a_module_of_the_same_layer_is_found(self):
        MODULES["engine"] = 2
        try:
            self.assertEqual(len(self.errors_of("table/row.h", '#include "engine/engine.h"\n')), 1)
        finally:
            del MODULES["engine"]

    def test_the_real_tree_has_modules(self):
        self.assertIn("base", check_layers.layers(check_layers.SRC))


if __name__ == "__main__":
    unittest.main()

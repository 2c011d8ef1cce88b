"""The package itself: what importing it costs and needs, and its other name."""

from __future__ import annotations

import subprocess
import sys


def run(program: str) -> str:
    """In a fresh interpreter, where nothing is imported yet."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "mlx", "mlx_lm", "asyncio", "urllib.request", "halfbyte.inference"}
    loaded = run("import sys, halfbyte; print(' '.join(sys.modules))").split()
    assert heavy.isdisjoint(loaded)


def test_the_backends_need_the_standard_library_only() -> None:
    third_party = run(
        "import sys; before = set(sys.modules); import halfbyte.inference, halfbyte.compat.g2c\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names) - {'halfbyte', 'g2c'}))"
    )
    assert third_party == ""


def test_the_engines_module_is_loaded_when_a_model_is_opened() -> None:
    assert run("import sys, halfbyte.inference; print('halfbyte._core' in sys.modules)") == "False"


def test_everything_named_is_there() -> None:
    import halfbyte.inference

    assert [name for name in halfbyte.inference.__all__ if not hasattr(halfbyte.inference, name)] == []


def test_course_code_runs_unchanged() -> None:
    program = """
import halfbyte.compat.g2c
from g2c.inference import Backend, BackendInfo, BenchmarkResult, InferenceResult, LocalTransformerBackend
from g2c.inference import OllamaBackend, OllamaError, DEFAULT_OLLAMA_URL, benchmark
import g2c.inference.local
from g2c.inference.ollama import OllamaBackend as same
import halfbyte.inference as ours
assert same is OllamaBackend is ours.OllamaBackend
assert callable(benchmark)
g2c.inference.local.generate = lambda model, ids, **options: [*ids, 33]

class Tokenizer:
    def encode(self, text): return [1]
    def decode(self, ids): return "".join(map(chr, ids))

print(LocalTransformerBackend(lambda ids: None, Tokenizer()).complete("hi").completion)
"""
    assert run(program) == "!"


def test_an_installed_course_package_keeps_its_other_modules(tmp_path: object) -> None:
    program = f"""
import pathlib, sys
folder = pathlib.Path({str(tmp_path)!r}) / "g2c"
folder.mkdir()
(folder / "__init__.py").write_text("")
(folder / "rag.py").write_text("from g2c.inference import Backend")
sys.path.insert(0, str(folder.parent))
import halfbyte.compat.g2c, g2c.rag, halfbyte.inference
print(g2c.rag.Backend is halfbyte.inference.Backend)
"""
    assert run(program) == "True"

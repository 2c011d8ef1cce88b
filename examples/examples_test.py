"""The examples do what they say: HALFBYTE_EXAMPLES is the folder of the built programs, HALFBYTE_MODELS that of the fetched models."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))
from fake_services import TEXT, running_services  # noqa: E402

PROGRAMS = Path(os.environ["HALFBYTE_EXAMPLES"])
MODEL = "smollm2:135m"


def run(program: str, *args: str, cwd: str | None = None) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "OPENAI_API_KEY"}
    return subprocess.run([PROGRAMS / program, *args], capture_output=True, text=True, timeout=120, cwd=cwd, env=environment)


class ExamplesTest(unittest.TestCase):
    def test_the_same_program_runs_against_each_service_and_a_router(self):
        with running_services() as server:
            ollama, openai = server.ollama_url, server.openai_url
            for kind, addresses in (("ollama", [ollama]), ("openai", [openai]), ("router", [ollama, openai])):
                with self.subTest(kind=kind):
                    done = run("every_backend", kind, "tiny", *addresses)
                    self.assertEqual(done.stderr, "")
                    self.assertEqual(done.stdout, f"{TEXT}\n{kind} tiny: 5 tokens\n")

    def test_it_runs_a_model_in_process_and_an_artifact(self):
        done = run("every_backend", "local", MODEL)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith(f"\nengine {MODEL}: 16 tokens\n"), done.stdout)
        text = done.stdout.partition("\n" + "engine")[0]
        with tempfile.TemporaryDirectory() as project:
            folder = Path(project) / "artifacts" / "models" / "Small-SFT"
            folder.mkdir(parents=True)
            (folder / "model.gguf").symlink_to(next(Path(os.environ["HALFBYTE_MODELS"]).resolve().glob("smollm2*.gguf")))
            done = run("every_backend", "artifact", "Small", cwd=project)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, f"{text}\nartifact Small-SFT: 16 tokens\n")

    def test_failures_are_one_line(self):
        done = run("every_backend", "ollama", "tiny", "http://127.0.0.1:1")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("Could not reach Ollama at http://127.0.0.1:1/api/generate", done.stderr)
        self.assertEqual(run("every_backend").returncode, 2)

    def test_a_backend_of_ones_own_has_everything(self):
        done = run("own_backend")
        self.assertEqual(
            done.stdout,
            "complete: three two\nstream: three two one\nchat: you\nAssistant: hello User:\nbenchmark: 2 requests, 5 tokens\n",
        )


if __name__ == "__main__":
    unittest.main()

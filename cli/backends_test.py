"""explain and bench over several backends, which are played by a server of the test's own."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from halfbyte_program import HOME, PROGRAM, Terminal, environment, json_result, result, run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))
from fake_services import TEXT, Behaviour, running_services  # noqa: E402


class BackendsTest(unittest.TestCase):
    """Works in a project whose ProdLM is the server, so that `--backend prodlm:MODEL` reaches it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=HOME)
        self.addCleanup(folder.cleanup)
        services = running_services()
        self.server = services.__enter__()
        self.addCleanup(services.__exit__, None, None, None)
        prodlm = Path(folder.name) / "artifacts" / "models" / "ProdLM"
        prodlm.mkdir(parents=True)
        (prodlm / "config.json").write_text(
            json.dumps({"kind": "ollama_backend", "model_id": "tiny:1b", "base_url": self.server.ollama_url, "timeout": 20})
        )
        before = os.getcwd()
        os.chdir(folder.name)
        self.addCleanup(os.chdir, before)

    def answer(self, markdown: str):
        lines = [{"message": {"role": "assistant", "content": piece}} for piece in markdown.partition(" ")]
        lines.append({"message": {"role": "assistant"}, "done": True})
        self.server.behave(Behaviour(body=b"".join(json.dumps(line).encode() + b"\n" for line in lines), chunk_bytes=7))

    def test_explain_streams_plain_markdown_into_a_pipe_without_its_outer_fence(self):
        self.answer("```markdown\n# Norms\n- **RMSNorm** divides\n```")
        self.assertEqual(result("explain", "What", "is RMSNorm?"), "# Norms\n- **RMSNorm** divides\n")
        body = self.server.requests[-1]["body"]
        self.assertEqual(body["messages"][1], {"role": "user", "content": "What is RMSNorm?"})
        self.assertIn("personal tutor", body["messages"][0]["content"])
        self.assertEqual(body["options"], {"num_predict": 2048, "temperature": 0.7})

    def test_explain_renders_on_a_terminal_and_without_color_when_told(self):
        for extra, expected in (({}, "\x1b[1;4mNorms\x1b[0m\r\n"), ({"NO_COLOR": "1"}, "Norms\r\n")):
            with self.subTest(extra=extra):
                self.answer("# Norms\n")
                terminal = Terminal("explain", "What?", "--backend", "prodlm", **extra)
                self.assertEqual(terminal.exit_status(), 0)
                self.assertEqual(terminal.text, expected)

    def test_explain_shows_several_backends_under_their_names(self):
        told = result("explain", "What?", "--backend", "prodlm:one", "--backend", "prodlm:two")
        self.assertEqual(told, f"## prodlm: one\n\n{TEXT}\n\n## prodlm: two\n\n{TEXT}\n\n")

    def test_one_failure_of_several_is_shown_in_its_place(self):
        done = run("explain", "What?", "--backend", "prodlm", "--backend", "openai")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"")
        self.assertIn(TEXT, done.stdout.decode())
        self.assertIn("*stopped: no API key: pass api_key, or set OPENAI_API_KEY", done.stdout.decode())

    def test_what_fails_alone_is_one_line_on_stderr(self):
        self.server.behave(Behaviour(status=404))
        done = run("explain", "What?")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"HTTP 404", done.stderr)
        self.assertIn(b"ollama pull tiny:1b", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_usage_errors_have_status_2(self):
        for args, message in (
            (["explain"], b"QUESTION: expected text, found none"),
            (["explain", "x", "--backend", "nosuch"], b"backend: expected local, ollama"),
            (["bench", "--backend", "prodlm"], b"--backend: needs --prompts FILE"),
            (["bench", "--prompts", "-"], b"--prompts: needs at least one --backend"),
        ):
            with self.subTest(args=args):
                done = run(*args)
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertIn(message, done.stderr)

    def test_a_service_is_where_its_word_or_else_the_environment_says(self):
        place = self.server.ollama_url.removeprefix("http://")
        told = result("explain", "What?", "--backend", f"ollama:tiny@http://joe:s3cret@{place}", OLLAMA_HOST="elsewhere.invalid")
        self.assertEqual(told, TEXT + "\n")
        self.assertEqual(self.server.requests[-1]["headers"]["Authorization"], "Basic am9lOnMzY3JldA==")
        self.assertEqual(result("explain", "What?", "--backend", "ollama:tiny", OLLAMA_HOST=place), TEXT + "\n")
        self.server.behave(Behaviour(status=404))
        word = f"ollama:tiny@http://joe:s3cret@{place}/?key=s3cret"
        for done in (
            run("bench", "--backend", word, "--prompts", "-", "--json", stdin=b"one\n"),
            run("explain", "What?", "--backend", word),
            run("explain", "What?", "--backend", word.replace("http:", "htp:")),
        ):
            self.assertNotEqual(done.returncode, 0)
            self.assertNotIn(b"s3cret", done.stdout + done.stderr)

    def test_ctrl_c_stops_an_explanation_that_does_not_come(self):
        self.server.behave(Behaviour(is_silent=True))
        program = subprocess.Popen([PROGRAM, "explain", "What?"], stdout=subprocess.PIPE, env=environment(HOME))
        while not self.server.requests:
            self.assertIsNone(program.poll())
        program.send_signal(2)
        self.assertEqual(program.communicate(timeout=20)[0], b"")
        self.assertEqual(program.returncode, 130)

    def test_bench_sets_backends_side_by_side(self):
        Path("prompts.txt").write_text("one\n\ntwo\n")
        table = result("bench", "--backend", "prodlm:a", "--backend", "prodlm:b", "--prompts", "prompts.txt")
        lines = table.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertTrue(lines[0].startswith("| backend | model | n | mean ms |"))
        self.assertRegex(lines[2], r"^\| prodlm \| a \| 2 \| .* \| 10 \| [\d.]+ \| 10\.00 \| 3\.33 \|$")
        self.assertEqual([request["body"]["prompt"] for request in self.server.requests], ["one", "two"] * 2)

    def test_bench_tells_programs_every_figure(self):
        told = json_result("bench", "--backend", "prodlm", "--prompts", "-", "--warmup", "1", stdin=b"one\n")
        self.assertEqual(len(self.server.requests), 2)
        self.assertEqual(told[0]["n"], 1)
        self.assertEqual(told[0]["results"][0]["completion"], TEXT)
        self.assertEqual(told[0]["metadata"]["warmup"], "1")


if __name__ == "__main__":
    unittest.main()

"""The commands that need no weights, and what all commands have in common."""
import json
import math
import os
import resource
import subprocess
import tempfile
import unittest
from pathlib import Path

from halfbyte_program import DATA, HOME, PATIENCE_S, PROGRAM, Terminal, environment, json_result, result, run

VOCABULARIES = DATA / "tokenizers"
GPT2 = str(VOCABULARIES / "ggml-vocab-gpt-2.gguf")
COMMANDS = ["run", "serve", "explain", "show", "list", "tokenize", "detokenize", "logits", "embed", "perplexity", "bench", "bench serve", "doctor", "isa", "version"]

# Arguments -> what stderr says. All of these are usage errors, found before any file is read.
USAGE_ERRORS = [
    ([], "which command?"),
    (["nosuch"], "unknown command 'nosuch'"),
    (["show"], "show: MODEL is missing"),
    (["show", "a", "b"], "show: unexpected argument 'b'"),
    (["show", "a", "--frobnicate"], "show: unknown option '--frobnicate'"),
    (["perplexity", "a"], "perplexity: FILE is missing"),
    (["run", "a", "b", "--top-p", "7"], "run: --top-p: 7 is out of range: expected 0 to 1"),
    (["run", "a", "b", "--top-p", "nan"], "run: --top-p: 'nan' is not a number: expected 0 to 1"),
    (["run", "a", "b", "--temperature=-1"], "run: --temperature: -1 is out of range: expected 0 to 100"),
    (["run", "a", "b", "--top-k", "1.5"], "run: --top-k: '1.5' is not a whole number: expected 0 to 1073741824"),
    (["run", "a", "b", "--seed", "-1"], "run: --seed: '-1' is not a whole number: expected 0 to 18446744073709551615"),
    (["run", "a", "b", "--max-tokens", "-2"], "run: --max-tokens: -2 is out of range: expected -1 to 16777216"),
    (["run", "a", "b", "--choices", "9"], "run: --choices: 9 is out of range: expected 1 to 8"),
    (["run", "a", "b", "--logit-bias", "7"], "run: --logit-bias: '7': expected TOKEN=BIAS"),
    (["run", "a", "b", "--logit-bias", "7=101"], "run: --logit-bias: 101 is out of range: expected -100 to 100"),
    (["run", "a", "b", "--stop", ""], "run: --stop: the text is empty"),
    (["run", "a", "b", "--threads", "9999"], "run: --threads: 9999 is out of range: expected 0 to 1024"),
    (["logits", "a", "--kv-type", "f8"], "logits: --kv-type: 'f8' is not known: expected f16, bf16, q8_0 or f32"),
    (["logits", "a", "--activations", "int4"], "logits: --activations: 'int4' is not known: expected int8 or f32"),
    (["bench", "a", "-r", "0"], "bench: -r,--runs: 0 is out of range: expected 1 to 1000"),
    (["bench", "serve", "a", "--clients", "-1"], "bench serve: --clients: -1 is out of range: expected 0 to 4096"),
    (
        ["bench", "serve", "a", "--prompt", "5..4"],
        "bench serve: --prompt: '5..4' is no length: expected N, LEAST..GREATEST or lognormal:MEDIAN:SIGMA, in tokens from 1 to 1048576",
    ),
]


class UsageTest(unittest.TestCase):
    def test_errors_name_flag_value_and_range_on_stderr_with_status_2(self):
        for args, message in USAGE_ERRORS:
            with self.subTest(args=args):
                done = run(*args)
                self.assertEqual(done.stderr.decode().splitlines()[0], f"halfbyte: {message}")
                self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_every_command_has_help_with_an_example(self):
        overview = result("--help")
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assertIn(f"  {command} ", overview)
                text = result(*command.split(), "--help")
                self.assertIn(f"Usage: halfbyte {command}", text)
                example = text.split("Example:\n")[1].strip()
                self.assertEqual(len(example.splitlines()), 1)
                self.assertIn(f"halfbyte {command}", example)

    def test_version_is_one_line(self):
        self.assertRegex(result("version"), r"\Ahalfbyte \d+\.\d+\.\d+\n\Z")
        self.assertEqual(result("--version"), result("version"))

    def test_what_failed_has_status_1_and_one_line_on_stderr(self):
        for args in (["show", "/nosuch/model.gguf"], ["tokenize", "no-such-model", "text"], ["run", "no-such-model", "text"]):
            with self.subTest(args=args):
                done = run(*args)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertTrue(done.stderr.startswith(b"halfbyte: "), done.stderr)

    def test_a_run_without_a_prompt_is_told_so(self):
        done = run("run", GPT2)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr, b"halfbyte: the prompt is empty: give one as an argument or on stdin\n")


class OutputTest(unittest.TestCase):
    def test_a_reader_that_leaves_ends_the_program_quietly(self):
        with tempfile.TemporaryFile() as errors:
            program = subprocess.Popen([PROGRAM, "detokenize", GPT2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                       env=environment(HOME))
            program.stdout.close()
            program.communicate(b"31373 " * 100_000)
            errors.seek(0)
            self.assertEqual((program.returncode, errors.read()), (0, b""))

    @unittest.skipUnless(os.path.exists("/dev/full"), "this system has no /dev/full")
    def test_a_full_disk_is_reported(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "show", GPT2], stdout=full, stderr=subprocess.PIPE, env=environment(HOME))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"halfbyte: cannot write the output: No space left on device\n")

    def test_errors_are_red_on_a_terminal_only_and_not_with_no_color(self):
        for extra, begin in (({}, "\x1b[1;31mhalfbyte:\x1b[0m "), ({"NO_COLOR": ""}, "\x1b[1;31mhalfbyte:\x1b[0m "), ({"NO_COLOR": "1"}, "halfbyte: ")):
            with self.subTest(extra=extra):
                terminal = Terminal("show", "/nosuch.gguf", **extra)
                self.assertEqual(terminal.exit_status(), 1)
                self.assertTrue(terminal.text.startswith(begin), terminal.text)
        self.assertTrue(run("show", "/nosuch.gguf").stderr.startswith(b"halfbyte: "))

    def test_control_characters_of_a_text_reach_a_pipe_but_not_a_terminal(self):
        ids = [str(i) for i in json_result("tokenize", GPT2, stdin=b"a\x1b[31mb")["tokens"]]
        self.assertEqual(result("detokenize", GPT2, *ids), "a\x1b[31mb")
        terminal = Terminal("detokenize", GPT2, *ids)
        self.assertEqual(terminal.exit_status(), 0)
        self.assertEqual(terminal.text, "a\\x1b[31mb")


class TokenizeTest(unittest.TestCase):
    def vectors(self, family: str) -> list[tuple[bytes, list[int]]]:
        texts = (VOCABULARIES / f"{family}.gguf.inp").read_bytes().split(b"\n__ggml_vocab_test__\n")
        ids = (VOCABULARIES / f"{family}.gguf.out").read_text().splitlines()
        return list(zip(texts, [[int(i) for i in line.split()] for line in ids]))

    def families(self) -> list[str]:
        found = sorted(p.stem for p in VOCABULARIES.glob("*.gguf"))
        self.assertEqual(len(found), 7)
        return found

    def test_ids_are_those_of_the_reference_for_every_family(self):
        for family in self.families():
            model = str(VOCABULARIES / f"{family}.gguf")
            longest = sorted(self.vectors(family), key=lambda v: len(v[0]))[-2:]
            for text, ids in longest:
                with self.subTest(family=family, text=text):
                    self.assertEqual(json_result("tokenize", model, "--no-special", stdin=text)["tokens"], ids)

    def test_text_comes_back_from_its_ids(self):
        for family in self.families():
            if "bert" in family:
                continue  # WordPiece folds case and blanks
            model = str(VOCABULARIES / f"{family}.gguf")
            text = (VOCABULARIES / f"{family}.gguf.inp").read_bytes()
            for flags in ((), ("--json",)):
                with self.subTest(family=family, flags=flags):
                    ids = run("tokenize", model, *flags, stdin=text).stdout
                    self.assertEqual(run("detokenize", model, stdin=ids).stdout, text)

    def test_ids_are_printed_for_people_and_for_programs(self):
        self.assertEqual(result("tokenize", GPT2, "Hello", "world"), "15496 995\n")
        self.assertEqual(result("tokenize", GPT2, "Hello world", "--json"), '{"tokens":[15496,995]}\n')
        self.assertEqual(result("tokenize", GPT2, "--json"), '{"tokens":[]}\n')
        self.assertEqual(result("detokenize", GPT2, "15496", "995"), "Hello world")
        self.assertEqual(result("detokenize", GPT2, "--json", stdin=b"[15496, 995]"), '{"text":"Hello world"}\n')

    def test_words_are_taken_as_they_are(self):
        for text in ("[a,b]", "", "- x", "a=b", "{}", "-5"):
            with self.subTest(text=text):
                ids = result("tokenize", GPT2, text).split()
                self.assertEqual(result("detokenize", GPT2, *ids), text)
        ids = result("tokenize", GPT2, "--", "--json", "-x").split()
        self.assertEqual(result("detokenize", GPT2, *ids), "--json -x")

    def test_special_tokens_are_parsed_unless_told_otherwise(self):
        self.assertEqual(json_result("tokenize", GPT2, "a<|endoftext|>")["tokens"], [64, 50256])
        self.assertGreater(len(json_result("tokenize", GPT2, "a<|endoftext|>", "--no-special")["tokens"]), 2)
        self.assertEqual(result("detokenize", GPT2, "64", "50256"), "a<|endoftext|>")
        self.assertEqual(result("detokenize", GPT2, "64", "50256", "--no-special"), "a")

    def test_bos_is_added_only_when_asked_for(self):
        model = str(VOCABULARIES / "ggml-vocab-llama-spm.gguf")
        plain = json_result("tokenize", model, "hello")["tokens"]
        self.assertEqual(json_result("tokenize", model, "hello", "--bos")["tokens"], [1, *plain])

    def test_what_is_no_token_is_refused_by_place(self):
        done = run("detokenize", GPT2, stdin=b"1 2 x")
        self.assertEqual((done.returncode, done.stderr), (2, b"halfbyte: token ids: byte 5: expected a number, found 'x'\n"))
        done = run("detokenize", GPT2, stdin=b"1,50257")
        self.assertEqual((done.returncode, done.stderr),
                         (2, b"halfbyte: token ids: byte 3: 50257 is not in the vocabulary: expected 0 to 50256\n"))


class ShowTest(unittest.TestCase):
    def test_a_vocabulary_only_file_is_shown_whatever_its_architecture(self):
        shown = json_result("show", GPT2)
        expected = {"architecture": "gpt2", "context_length": 1024, "embedding_length": 768, "layers": 12, "heads": 12, "vocabulary": 50257,
                    "tokenizer": "gpt2", "pre_tokenizer": "gpt-2", "parameters": 0, "tensors": 0, "types": [], "chat_template": None}
        self.assertEqual({key: shown[key] for key in expected}, expected)
        self.assertEqual(shown["file_bytes"], os.path.getsize(GPT2))
        self.assertIn("architecture     gpt2\n", result("show", GPT2))

    def test_a_file_that_is_no_model_is_refused(self):
        with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
            file.write(b"not a model at all, but long enough")
            file.flush()
            done = run("show", file.name)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"not a GGUF file", done.stderr)


class ListTest(unittest.TestCase):
    def test_models_are_listed_where_the_environment_says(self):
        with tempfile.TemporaryDirectory(prefix="halfbyte-test-") as folder:
            self.assertEqual(run("list", "--json", HALFBYTE_MODELS=folder).stdout, b'{"models":[]}\n')
            (Path(folder) / "smollm2-135m.gguf").write_bytes(b"GGUF")
            listed = json_result("list", HALFBYTE_MODELS=folder)["models"]
        self.assertEqual([model["name"] for model in listed], ["smollm2:135m"])


class DoctorTest(unittest.TestCase):
    def setUp(self):
        self.cache = Path(tempfile.mkdtemp(prefix="doctor-", dir=HOME))
        self.file = self.cache / "halfbyte" / "machine.json"

    def doctor(self, *args: str, **extra: str):
        done = run("doctor", *args, "--json", XDG_CACHE_HOME=str(self.cache), **extra)
        self.assertEqual(done.stderr, b"")
        found = json.loads(done.stdout)
        self.assertEqual(done.returncode, int(any(finding["fault"] for finding in found["findings"])))
        return found

    def test_measures_once_and_then_reads_what_it_kept(self):
        measured = self.doctor("--force")
        self.assertEqual(measured["file"], str(self.file))
        self.assertEqual(measured["file_state"], "written (--force)")
        self.assertEqual(measured["pools"][0]["threads"], 1)
        if measured["cpu_limit"] is None:
            self.assertEqual(measured["pools"][-1]["threads"], measured["processors"])
        self.assertIn(measured["threads"]["pool"], [pool["threads"] for pool in measured["pools"]])
        kept = self.file.read_bytes()
        read = self.doctor()
        self.assertTrue(read["file_state"].startswith("read"), read["file_state"])
        self.assertEqual(read["threads"], measured["threads"])
        self.assertEqual(self.file.read_bytes(), kept)
        for before, after in zip(measured["pools"] + measured["kernels"], read["pools"] + read["kernels"], strict=True):
            self.assertEqual(before.keys(), after.keys())
            for name, figure in before.items():
                self.assertTrue(figure == after[name] or math.isclose(figure, after[name], rel_tol=1e-12), (name, figure, after[name]))

    def test_a_damaged_or_foreign_file_is_passed_over_with_the_reason(self):
        self.file.parent.mkdir()
        self.file.write_text("{")
        self.assertIn(f"({self.file}: ", self.doctor()["file_state"])
        self.doctor("--force", HALFBYTE_ISA="scalar")
        foreign = json.loads(self.file.read_text())
        foreign["machine"]["version"] = "0.0.0"
        self.file.write_text(json.dumps(foreign))
        self.assertIn("halfbyte 0.0.0; this is ", self.doctor(HALFBYTE_ISA="scalar")["file_state"])

    def test_the_first_time_it_says_that_there_was_no_file(self):
        self.assertTrue(self.doctor()["file_state"].endswith("(there was none)"))

    def test_a_full_disk_is_said_and_leaves_the_old_file(self):
        self.file.parent.mkdir()
        self.file.write_text("{}")
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        done = subprocess.run([PROGRAM, "doctor", "--force", "--json"], capture_output=True, timeout=PATIENCE_S, preexec_fn=full,
                              env=environment(HOME, XDG_CACHE_HOME=str(self.cache)))
        self.assertEqual(done.stderr, b"")
        self.assertEqual(json.loads(done.stdout)["file_state"], f"not written: {self.file}: cannot be written: File too large")
        self.assertEqual([(path.name, path.read_text()) for path in self.file.parent.iterdir()], [("machine.json", "{}")])

    def test_its_page_names_machine_threads_and_file(self):
        done = run("doctor", "--force", XDG_CACHE_HOME=str(self.cache))
        page = done.stdout.decode()
        for line in ("processor  ", "instruction sets ", "huge pages ", "processor limit ", "threads  read GB/s", "commands take ", f"{self.file}: written"):
            self.assertIn(f"\n{line}" if line != "commands take " else line, "\n" + page)

    def test_a_forced_weaker_set_is_a_fault(self):
        if json_result("isa", HALFBYTE_ISA="")["chosen"] == "scalar":
            self.skipTest("this processor runs nothing but scalar")
        self.assertTrue(any(f["fault"] and "HALFBYTE_ISA=scalar" in f["text"] for f in self.doctor(HALFBYTE_ISA="scalar")["findings"]))


class IsaTest(unittest.TestCase):
    def test_scalar_runs_everywhere_and_the_environment_chooses(self):
        self.assertEqual(result("isa").splitlines()[0], "scalar")
        self.assertEqual(json_result("isa", HALFBYTE_ISA="scalar")["chosen"], "scalar")
        done = run("isa", HALFBYTE_ISA="nosuch")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"HALFBYTE_ISA", done.stderr)


if __name__ == "__main__":
    unittest.main()

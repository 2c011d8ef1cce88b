"""The commands that run a model, on SmolLM2 as `make` fetched it (HALFBYTE_MODELS)."""
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import xml.dom.minidom

from halfbyte_program import DATA, HOME, PATIENCE_S, PROGRAM, Terminal, environment, json_result, result, run

MODEL = "smollm2:135m"
GREEDY = ("--temperature", "0", "--max-tokens", "12")
QUESTION = "Why is the sky blue?"
QUICK = "HALFBYTE_TEST_QUICK" in os.environ


def setUpModule():
    assert "HALFBYTE_MODELS" in os.environ, "HALFBYTE_MODELS is not set; `make test` sets it and fetches the models"


class RunTest(unittest.TestCase):
    def test_stdout_is_the_completion_and_nothing_else(self):
        text = result("run", MODEL, QUESTION, *GREEDY)
        self.assertNotIn(QUESTION, text)
        self.assertFalse(text.endswith("\n"))
        self.assertTrue(text[0].isalpha(), text)

    def test_a_piped_prompt_is_the_same_as_a_given_one(self):
        given = result("run", MODEL, QUESTION, *GREEDY)
        self.assertEqual(result("run", MODEL, *GREEDY, stdin=QUESTION.encode()), given)
        self.assertEqual(result("run", MODEL, *GREEDY, stdin=QUESTION.encode() + b"\n"), given)
        self.assertEqual(result("run", MODEL, *QUESTION.split(), *GREEDY), given)

    def test_stdin_is_added_to_a_given_prompt(self):
        both = result("run", MODEL, "Name the colour.", *GREEDY, stdin=b"The sky is blue.")
        self.assertEqual(result("run", MODEL, "Name the colour.\n\nThe sky is blue.", *GREEDY), both)

    def test_the_template_is_applied_unless_raw(self):
        raw = result("run", MODEL, "--raw", "<|im_start|>user\n" + QUESTION + "<|im_end|>\n<|im_start|>assistant\n", *GREEDY)
        self.assertNotEqual(result("run", MODEL, QUESTION, "--raw", *GREEDY), raw)
        with_system = ("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n" + QUESTION + "<|im_end|>\n<|im_start|>assistant\n")
        self.assertEqual(result("run", MODEL, QUESTION, "--system", "Be brief.", *GREEDY), result("run", MODEL, "--raw", with_system, *GREEDY))

    def test_a_control_token_in_a_message_is_text_unless_parse_special(self):
        spelled = QUESTION + "<|im_end|>\n<|im_start|>user\nAnd why?"
        raw = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n" + spelled + "<|im_end|>\n<|im_start|>assistant\n"
        turns = result("run", MODEL, "--raw", raw, *GREEDY)
        self.assertEqual(result("run", MODEL, spelled, "--system", "Be brief.", "--parse-special", *GREEDY), turns)
        self.assertNotEqual(result("run", MODEL, spelled, "--system", "Be brief.", *GREEDY), turns)

    def test_a_session_that_outgrows_its_context_fails_or_lets_its_oldest_turns_go(self):
        with tempfile.TemporaryDirectory(dir=HOME) as folder:
            file = os.path.join(folder, "session")
            long = "Say in one short sentence why " + "the sea and the sky are blue, " * 9 + "please."
            given = ("run", MODEL, long, "--session", file, "--ctx", "160", "--max-tokens", "30", *GREEDY)
            self.assertEqual(run(*given).returncode, 0)
            failed = run(*given)
            self.assertEqual(failed.returncode, 1)
            self.assertIn(b"context of 160", failed.stderr)
            done = run(*given, "--overflow", "drop-turns")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"the oldest 1 of your messages", done.stderr)

    def test_a_session_goes_on_where_it_was_without_reading_it_again(self):
        with tempfile.TemporaryDirectory(dir=HOME) as folder:
            file = os.path.join(folder, "session")
            system = "You are a guide of a museum of clouds, and you answer with one short sentence that a child can understand."
            first = result("run", MODEL, QUESTION, "--system", system, "--session", file, *GREEDY)
            second = run("run", MODEL, "And at night?", "--session", file, "--verbose", *GREEDY)
            self.assertEqual(second.returncode, 0, second.stderr)
            self.assertRegex(second.stderr, rb"(?m)^session +(32|64) tokens known from before")
            turns = [("system", system), ("user", QUESTION), ("assistant", first), ("user", "And at night?")]
            raw = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns) + "<|im_start|>assistant\n"
            self.assertEqual(second.stdout.decode(), result("run", MODEL, "--raw", raw, *GREEDY))
            with open(file, "r+b") as damaged:
                damaged.seek(100)
                damaged.write(b"?")
            refused = run("run", MODEL, "Well?", "--session", file, *GREEDY)
            self.assertEqual((refused.returncode, refused.stdout), (1, b""))
            self.assertIn(b"session: its checksum is another one", refused.stderr)
        done = run("run", MODEL, QUESTION, "--raw", "--session", file)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--session: there is no chat template", done.stderr)

    def test_a_system_message_needs_a_template(self):
        done = run("run", MODEL, QUESTION, "--raw", "--system", "Be brief.")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"--system: there is no chat template", done.stderr)

    def test_the_same_seed_gives_the_same_bytes(self):
        first = result("run", MODEL, QUESTION, "--seed", "7", "--max-tokens", "12")
        self.assertEqual(result("run", MODEL, QUESTION, "--seed", "7", "--max-tokens", "12", "--threads", "1", "--chunk", "7"), first)
        self.assertNotEqual(result("run", MODEL, QUESTION, "--seed", "8", "--max-tokens", "12"), first)

    def test_a_reply_is_held_to_choices_a_pattern_a_schema_or_a_grammar(self):
        held = lambda *flags: result("run", MODEL, "Tell me about a cat.", "--temperature", "1", "--seed", "3", *flags)
        self.assertIn(held("--choice", "yes", "--choice", "no"), ("yes", "no"))
        self.assertRegex(held("--regex", "[a-f]{3}-[0-9]{4}"), "^[a-f]{3}-[0-9]{4}$")
        schema = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "legs": {"type": "integer", "minimum": 0, "maximum": 8}},
                  "required": ["name", "legs"], "additionalProperties": False}
        cat = json.loads(held("--json-schema", json.dumps(schema)))
        self.assertEqual((set(cat), cat["legs"] in range(9), len(cat["name"]) <= 20), ({"name", "legs"}, True, True))
        with tempfile.TemporaryDirectory() as folder:
            gbnf = pathlib.Path(folder, "sum.gbnf")
            gbnf.write_text('root ::= term ("+" term){1,3}\nterm ::= [0-9]{1,2} | "(" root ")"\n')
            self.assertRegex(held("--grammar", str(gbnf), "--max-tokens", "60"), r"^[0-9+()]+$")

    def test_what_a_grammar_cannot_do_is_said_by_its_place(self):
        done = run("run", MODEL, QUESTION, "--json-schema", '{"properties": {"a": {"not": {}}}}')
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"json schema: at #/properties/a/not", done.stderr)
        done = run("run", MODEL, QUESTION, "--regex", "a", "--choice", "b")
        self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_a_reply_ends_before_a_stop_text(self):
        whole = result("run", MODEL, QUESTION, *GREEDY)
        stop = whole.split()[2]
        self.assertEqual(result("run", MODEL, QUESTION, *GREEDY, "--stop", "no such text", "--stop", stop), whole[:whole.index(stop)])

    def test_json_tells_choices_log_probabilities_and_usage(self):
        told = json_result("run", MODEL, QUESTION, "--json", "--choices", "2", "--logprobs", "3", "--max-tokens", "4", "--seed", "9")
        first, second = told["choices"]
        self.assertEqual(first["text"], result("run", MODEL, QUESTION, "--max-tokens", "4", "--seed", "9"))
        self.assertEqual(second["text"], result("run", MODEL, QUESTION, "--max-tokens", "4", "--seed", "10"))
        self.assertEqual("".join(token["text"] for token in first["tokens"]), first["text"])
        self.assertEqual([len(token["top_logprobs"]) for token in first["tokens"]], [3] * 4)
        self.assertEqual((first["finish_reason"], told["usage"]["completion_tokens"], told["seed"]), ("length", 8, 9))
        refused = run("run", MODEL, QUESTION, "--choices", "2")
        self.assertEqual((refused.returncode, refused.stderr), (2, b"halfbyte: choices: `run --json` tells it, and nothing else\n"))

    def test_a_token_that_is_ruled_out_does_not_come(self):
        token = json_result("run", MODEL, QUESTION, "--json", "--logprobs", "0", "--max-tokens", "1", "--temperature", "0")["choices"][0]["tokens"][0]
        self.assertNotIn(token["text"], result("run", MODEL, QUESTION, "--logit-bias", f"{token['id']}=-inf", "--max-tokens", "1", "--temperature", "0"))
        self.assertEqual(result("run", MODEL, QUESTION, "--allowed-tokens", str(token["id"]), "--max-tokens", "2"), token["text"] * 2)

    def test_texts_become_vectors_of_arguments_or_of_lines(self):
        cat, kitten, car = json_result("embed", MODEL, "A cat sleeps.", "A kitten sleeps.", "The engine of a car.", "--json")["embeddings"]
        product = lambda a, b: sum(x * y for x, y in zip(a, b))
        self.assertAlmostEqual(product(cat, cat), 1, places=5)
        self.assertGreater(product(cat, kitten), product(cat, car))
        lines = result("embed", MODEL, stdin=b"A cat sleeps.\n\nA kitten sleeps.\n").splitlines()
        self.assertEqual([float(x) for x in lines[1].split()], kitten)
        self.assertEqual(len(lines), 2)

    def test_verbose_tells_times_and_speeds_on_stderr(self):
        done = run("run", MODEL, QUESTION, *GREEDY, "--verbose")
        self.assertEqual(done.stdout.decode(), result("run", MODEL, QUESTION, *GREEDY))
        for line in (r"load +[\d.]+ ms", r"prompt +36 tokens +[\d.]+ ms +[\d.]+ tokens/s", r"generation +12 tokens +[\d.]+ ms +[\d.]+ tokens/s"):
            self.assertRegex(done.stderr.decode(), "(?m)^" + line + "$")

    def test_a_prompt_that_does_not_fit_is_an_error(self):
        done = run("run", MODEL, "word " * 200, "--ctx", "64")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"64", done.stderr)

    def test_a_full_context_is_said(self):
        done = run("run", MODEL, "--raw", "One, two, three, four,", "--temperature", "0", "--ctx", "24")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, b"halfbyte: the reply ends here: the context of 24 tokens is full\n")

    def test_a_closed_pipe_ends_the_run(self):
        program = subprocess.Popen([PROGRAM, "run", MODEL, "--raw", "Once upon a time", "--seed", "1"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(HOME))
        self.assertTrue(program.stdout.read(1))
        program.stdout.close()
        self.assertEqual(program.wait(PATIENCE_S), 0)
        self.assertEqual(program.stderr.read(), b"")
        program.stderr.close()

    def test_an_interrupt_stops_the_reply_with_status_130(self):
        program = subprocess.Popen([PROGRAM, "run", MODEL, "--raw", "Once upon a time", "--seed", "1", "--ctx", "8192"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(HOME))
        self.assertTrue(program.stdout.read(1))
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=PATIENCE_S)
        self.assertEqual((program.returncode, errors), (130, b""))

    def test_on_a_terminal_the_text_ends_with_a_newline(self):
        terminal = Terminal("run", MODEL, QUESTION, *GREEDY)
        self.assertEqual(terminal.exit_status(), 0)
        self.assertEqual(terminal.text.replace("\r\n", "\n"), result("run", MODEL, QUESTION, *GREEDY) + "\n")


class AdapterTest(unittest.TestCase):
    """Adapters of SmolLM2's first output projection, in PEFT's form."""

    def adapter(self, folder: str, b: float) -> str:
        width, rank = 576, 2
        module = "base_model.model.model.layers.0.self_attn.o_proj"
        parts = {
            f"{module}.lora_A.weight": ((rank, width), [((i * 7919) % 101 - 50) / 200 for i in range(rank * width)]),
            f"{module}.lora_B.weight": ((width, rank), [b * ((i * 31) % 7 - 3) for i in range(width * rank)]),
        }
        header, data = {}, b""
        for name, (shape, values) in parts.items():
            packed = struct.pack(f"<{len(values)}f", *values)
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
            data += packed
        text = json.dumps(header).encode()
        os.mkdir(folder)
        with open(os.path.join(folder, "adapter_model.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data)
        with open(os.path.join(folder, "adapter_config.json"), "w") as file:
            json.dump({"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "target_modules": ["o_proj"]}, file)
        return folder

    def test_what_a_model_says_with_an_adapter_is_as_its_scale_has_it(self):
        with tempfile.TemporaryDirectory(dir=HOME) as root:
            zero, other = (self.adapter(os.path.join(root, name), b) for name, b in (("zero", 0.0), ("other", 0.05)))
            ask = ("logits", MODEL, "--tokens", "1,504,260,1")
            plain = json_result(*ask)
            self.assertEqual(json_result(*ask, "--lora", zero), plain)
            self.assertEqual(json_result(*ask, "--lora", f"{other}=0"), plain)
            changed = json_result(*ask, "--lora", other)
            self.assertNotEqual(changed, plain)
            self.assertEqual(json_result(*ask, "--lora", other, "--lora", zero), changed)
            self.assertNotEqual(json_result(*ask, "--lora", f"{other}=0.5"), changed)
            vector = json_result("embed", MODEL, QUESTION, "--json")
            self.assertEqual(json_result("embed", MODEL, QUESTION, "--json", "--lora", zero), vector)
            self.assertNotEqual(json_result("embed", MODEL, QUESTION, "--json", "--lora", other), vector)
            said = result("run", MODEL, QUESTION, *GREEDY)
            self.assertEqual(result("run", MODEL, QUESTION, *GREEDY, "--lora", zero), said)
            self.assertNotEqual(result("run", MODEL, QUESTION, *GREEDY, "--lora", f"{other}=4"), said)

    def test_what_is_no_adapter_of_the_model_is_refused_by_name(self):
        with tempfile.TemporaryDirectory(dir=HOME) as root:
            done = run("run", MODEL, QUESTION, "--lora", os.path.join(root, "missing.gguf"))
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"missing.gguf", done.stderr)
            folder = self.adapter(os.path.join(root, "dora"), 0.1)
            with open(os.path.join(folder, "adapter_config.json"), "w") as file:
                json.dump({"peft_type": "LORA", "r": 2, "use_dora": True}, file)
            self.assertIn(b"use_dora is 1; this build runs 0", run("logits", MODEL, "--tokens", "1", "--lora", folder).stderr)


class LogitsTest(unittest.TestCase):
    def test_the_last_of_all_is_what_is_printed_alone(self):
        last = result("logits", MODEL, "--tokens", "4898,314,260", "--json")
        every = json_result("logits", MODEL, "--tokens", "4898 314 260", "--all")["logits"]
        self.assertEqual([len(row) for row in every], [49152] * 3)
        self.assertEqual(json.loads(last)["logits"], every[-1])

    def test_equal_text_is_equal_bits(self):
        text = result("logits", MODEL, "--tokens", "4898,314,260,6376", "--json")
        self.assertEqual(result("logits", MODEL, "--tokens", "4898,314,260,6376", "--json", "--threads", "1", "--chunk", "3"), text)
        for number in re.findall(r"-?[\d.]+(?:e[-+]\d+)?", text)[:1000]:
            as_float32 = struct.unpack("f", struct.pack("f", float(number)))[0]
            self.assertLessEqual(len(number.lstrip("-").replace(".", "").lstrip("0").split("e")[0]), 9, number)
            self.assertEqual(struct.pack("f", float(number)), struct.pack("f", as_float32))

    def test_people_get_the_ten_likeliest(self):
        lines = result("logits", MODEL, "--tokens", "4898,314,260,6376,4461,47").splitlines()
        self.assertEqual(lines[0].split(), ["token", "logit", "text"])
        self.assertEqual(len(lines), 11)
        self.assertEqual(lines[1].split()[0], "2")
        self.assertEqual(lines[1].split()[2], '"<|im_end|>"')

    def test_tokens_outside_the_vocabulary_are_refused(self):
        done = run("logits", MODEL, "--tokens", "1,49152", "--json")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"49152 is not in the vocabulary: expected 0 to 49151", done.stderr)
        self.assertEqual(run("logits", MODEL, "--tokens", "").returncode, 2)


class PerplexityTest(unittest.TestCase):
    def test_it_is_that_of_the_reference(self):
        count = 128 if QUICK else 512
        golden = json.loads((DATA / "golden" / "smollm2-135m-q4_1.json").read_text())["long"]
        measured = json_result("perplexity", MODEL, str(DATA / "golden" / golden["file"]), "--tokens", str(count))
        self.assertEqual((measured["tokens"], len(measured["nll"])), (count, count - 1))
        self.assertAlmostEqual(measured["mean_nll"], sum(measured["nll"]) / (count - 1), places=5)
        expected = sum(golden["nll"][:count - 1]) / (count - 1)
        self.assertAlmostEqual(measured["mean_nll"], expected, delta=0.03)

    def test_a_text_without_a_next_token_is_refused(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"a")
            file.flush()
            done = run("perplexity", MODEL, file.name)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"1 token, expected 2 at least", done.stderr)


class BenchTest(unittest.TestCase):
    SMALL = ("-p", "16", "-n", "4", "-r", "2", "-t", "2")

    def test_every_figure_is_there_and_adds_up(self):
        figures = json_result("bench", MODEL, *self.SMALL)
        self.assertEqual((figures["threads"], figures["runs"], figures["prompt_tokens"], figures["generated_tokens"]), (2, 2, 16, 4))
        self.assertEqual(figures["isa"], json_result("isa")["chosen"])
        self.assertGreater(figures["prompt_tokens_per_second"], 0)
        rate = figures["generation_tokens_per_second"] * figures["bytes_per_token"]
        self.assertAlmostEqual(figures["read_gb_per_s"] / (rate * 1e-9), 1, places=6)
        self.assertAlmostEqual(figures["percent_of_bandwidth"] / (100 * figures["read_gb_per_s"] / figures["read_bandwidth_gb_per_s"]), 1, places=6)
        self.assertLessEqual(figures["barriers_per_layer"], 6)
        self.assertGreater(figures["weight_bytes"], 90e6)
        self.assertGreater(figures["kv_bytes"], 0)

    def test_a_part_can_be_left_out(self):
        figures = json_result("bench", MODEL, "-p", "0", "-n", "2", "-r", "1")
        self.assertIsNone(figures["prompt_tokens_per_second"])
        self.assertGreater(figures["generation_tokens_per_second"], 0)
        figures = json_result("bench", MODEL, "-p", "8", "-n", "0", "-r", "1")
        self.assertIsNone(figures["generation_tokens_per_second"])
        self.assertEqual(run("bench", MODEL, "-p", "0", "-n", "0").returncode, 2)

    SERVED = ("bench", "serve", MODEL, "--requests", "5", "--clients", "3", "--prompt", "4..20", "--reply", "6", "--shared-prefix", "8", "-t", "2")

    def test_serving_counts_every_token_and_orders_its_percentiles(self):
        with tempfile.TemporaryDirectory() as folder:
            chart = pathlib.Path(folder) / "chart.svg"
            figures = json_result(*self.SERVED, "--svg", str(chart))
            self.assertEqual(xml.dom.minidom.parse(str(chart)).documentElement.tagName, "svg")
        self.assertEqual((figures["requests"], figures["refused"], figures["failed"], figures["generated_tokens"]), (5, 0, 0, 30))
        self.assertEqual(figures["prompt_tokens"], sum(each["prompt_tokens"] for each in figures["each"]))
        self.assertAlmostEqual(figures["tokens_per_step"] * figures["steps"], figures["prompt_tokens"] + 5 * (6 - 1))
        for name in ("queue_ms", "first_token_ms", "inter_token_ms", "request_ms"):
            spread = figures[name]
            self.assertEqual(sorted(spread.values()), [spread[percentile] for percentile in ("p50", "p90", "p99", "max")])
        self.assertLess(figures["first_token_ms"]["p50"], figures["request_ms"]["p50"])

    def test_a_trace_has_every_step_and_request(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "trace.json"
            figures = json_result(*self.SERVED, "--trace", str(file))
            events = json.loads(file.read_text())["traceEvents"]
        steps = [event for event in events if event["name"] == "step"]
        self.assertEqual(len(steps), figures["steps"])
        self.assertAlmostEqual(sum(step["dur"] for step in steps) / 1e6, figures["step_seconds"], places=3)
        self.assertEqual({event["id"] for event in events if event["ph"] == "b"}, {1, 2, 3, 4, 5})
        self.assertEqual({event["tid"] for event in events if event["name"] == "attend 29"}, {0, 1})

    def test_a_load_follows_from_its_seed(self):
        lengths = [[each["prompt_tokens"] for each in json_result(*self.SERVED, "--seed", seed)["each"]] for seed in ("7", "7", "8")]
        self.assertEqual(lengths[0], lengths[1])
        self.assertNotEqual(lengths[0], lengths[2])

    def test_a_load_with_a_rate_has_no_clients(self):
        done = run("bench", "serve", MODEL, "--rate", "2", "--clients", "2")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--rate and --clients", done.stderr.decode())

    def test_people_get_the_same_figures_as_a_table(self):
        table = result("bench", MODEL, *self.SMALL)
        for line in (r"prompt of 16 tokens +[\d.]+ tokens/s", r"generation of 4 tokens +[\d.]+ tokens/s", r"read bandwidth +[\d.]+ GB/s"):
            self.assertRegex(table, "(?m)^" + line + "$")


class ShowTest(unittest.TestCase):
    def test_a_model_is_shown_without_reading_its_weights(self):
        shown = json_result("show", MODEL)
        self.assertEqual((shown["architecture"], shown["parameters"], shown["license"]), ("llama", 134515008, "apache-2.0"))
        self.assertEqual({share["type"]: share["tensors"] for share in shown["types"]}, {"Q4_1": 210, "Q8_0": 1, "F32": 61})
        self.assertEqual(sum(share["bytes"] for share in shown["types"]), shown["weight_bytes"])
        self.assertIn("<|im_start|>", shown["chat_template"])
        self.assertRegex(result("show", MODEL), r"(?m)^Q4_1 +210 +106.2 M +66.4 MB +5.00$")


if __name__ == "__main__":
    unittest.main()

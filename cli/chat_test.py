"""The chat, on a terminal of its own, with SmolLM2 as `make` fetched it (HALFBYTE_MODELS)."""
import json
import os
import stat
import tempfile
import time
import unittest
from pathlib import Path

from halfbyte_program import HOME, Terminal, run

MODEL = "smollm2:135m"
GREEDY = ("--temperature", "0", "--max-tokens", "12")


def setUpModule():
    assert "HALFBYTE_MODELS" in os.environ, "HALFBYTE_MODELS is not set; `make test` sets it and fetches the models"


def chat(*args: str, **extra: str) -> Terminal:
    terminal = Terminal("run", MODEL, *args, **extra)
    terminal.read_to_prompt()
    return terminal


class ChatTest(unittest.TestCase):
    def test_it_answers_until_the_user_leaves(self):
        for leave in ("/bye\r", "\x04"):
            with self.subTest(leave=leave):
                terminal = chat(*GREEDY)
                self.assertRegex(terminal.ask("Why is the sky blue?"), r"\A\w.*\n\n\Z")
                terminal.leave(leave)

    def test_it_remembers_what_was_said_until_cleared(self):
        terminal = chat(*GREEDY)
        first = terminal.ask("Hello")
        again = terminal.ask("Hello")
        self.assertEqual(terminal.ask("/clear"), "")
        self.assertEqual(terminal.ask("Hello"), first)
        self.assertEqual(terminal.ask("Hello"), again)
        terminal.leave()

    def test_a_session_goes_on_in_the_next_chat(self):
        with tempfile.TemporaryDirectory(dir=HOME) as folder:
            file = os.path.join(folder, "session")
            terminal = chat(*GREEDY)
            terminal.ask("Hello")
            again = terminal.ask("Hello")
            terminal.leave()
            terminal = chat(*GREEDY, "--session", file)
            terminal.ask("Hello")
            terminal.leave()
            terminal = chat(*GREEDY, "--session", file)
            self.assertEqual(terminal.ask("Hello"), again)
            terminal.leave()

    def test_options_can_be_set_and_shown(self):
        terminal = chat(*GREEDY)
        self.assertEqual(terminal.ask("/set top-p 0.25"), "")
        self.assertRegex(terminal.ask("/show"), r"(?m)^top-p +0.25 ")
        self.assertIn("top-p: 7 is out of range: expected 0 to 1", terminal.ask("/set top-p 7"))
        self.assertIn("'heat' is not known: expected one of temperature, ", terminal.ask("/set heat 7"))
        self.assertEqual(terminal.ask("/set max-tokens 1"), "")
        self.assertLessEqual(len(terminal.ask("Hello").split()), 1)
        self.assertIn("/nosuch is no command here", terminal.ask("/nosuch"))
        self.assertIn("/clear", terminal.ask("/help"))
        terminal.leave()

    def test_the_system_message_model_and_template_are_shown(self):
        terminal = chat("--system", "Be brief.")
        self.assertEqual(terminal.ask("/show system"), "Be brief.\n")
        self.assertEqual(terminal.ask("/system Be long."), "")
        self.assertEqual(terminal.ask("/show system"), "Be long.\n")
        self.assertIn("<|im_start|>", terminal.ask("/show template"))
        self.assertIn("architecture     llama\n", terminal.ask("/show model"))
        terminal.leave()

    def test_a_message_may_have_several_lines(self):
        terminal = chat(*GREEDY, "--raw")
        one_line = terminal.ask("One, two, three,")
        terminal.type('"""One, two,\r')
        terminal.read_to_prompt("... ")
        two_lines = terminal.ask(' three,"""')
        self.assertNotEqual(two_lines.strip(), "")
        self.assertNotEqual(two_lines, one_line)
        self.assertEqual(terminal.ask('"""One, two, three,"""'), one_line)
        self.assertNotIn("no command", terminal.ask('"""/usr is a folder"""'))
        terminal.leave()

    def test_without_a_template_it_says_so_once(self):
        terminal = chat(*GREEDY, "--raw")
        self.assertEqual(terminal.text.count("continued as it stands"), 1)
        first = terminal.ask("One, two, three,")
        self.assertEqual(terminal.ask("One, two, three,"), first)
        self.assertIn("no chat template", terminal.ask("/system Be brief."))
        self.assertEqual(terminal.text.count("continued as it stands"), 1)
        terminal.leave()

    def test_ctrl_c_stops_a_reply_and_a_second_one_leaves(self):
        terminal = chat("--raw", "--seed", "1", "--ctx", "8192")
        terminal.enter("Once upon a time")
        terminal.read_until(" ")  # the reply has begun
        terminal.type("\x03")
        terminal.read_to_prompt()
        terminal.leave("\x03")

    def test_ctrl_c_at_the_prompt_drops_the_line_first(self):
        terminal = chat(*GREEDY)
        terminal.type("half a line")
        terminal.read_until("line")
        terminal.type("\x03")
        self.assertIn("/bye leaves", terminal.read_to_prompt())
        self.assertRegex(terminal.ask("/show system"), r"\A\n\Z")  # nothing is left of the dropped line
        terminal.type("\x03")
        terminal.read_to_prompt()
        terminal.leave("\x03")

    def test_lines_are_edited_and_remembered_for_their_owner_only(self):
        terminal = chat(*GREEDY, LANG="C")
        terminal.type("/set top-p 0.5x\x7f\r")  # the x is taken back
        terminal.read_to_prompt()
        self.assertRegex(terminal.ask("/show"), r"(?m)^top-p +0.5 ")
        terminal.leave("\x1b[A\x1b[A\r/bye\r")  # up twice: the /set line again
        history = terminal.home / "state" / "halfbyte" / "history"
        self.assertEqual(stat.S_IMODE(history.stat().st_mode), 0o600)
        self.assertEqual(history.read_text().count("/set"), 2)

    def test_the_oldest_messages_are_forgotten_aloud_when_the_context_is_full(self):
        terminal = chat(*GREEDY, "--ctx", "160")
        for _ in range(8):
            terminal.ask("Tell me about the sea and the sky, please, in one sentence.")
        self.assertIn("are forgotten", terminal.text)
        self.assertNotIn("leaves no room", terminal.text)
        terminal.leave()


def others_use_the_processors() -> bool:
    """Whether something else than this test runs now, which a measurement is not kept beside."""
    def idle() -> int:
        return sum(int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[4:6])
    before, seconds = idle(), 1
    time.sleep(seconds)
    return idle() - before < 0.9 * seconds * os.sysconf("SC_CLK_TCK") * os.cpu_count()


class IdleCalibrationTest(unittest.TestCase):
    def test_after_an_answer_the_machine_is_measured_for_the_next_start(self):
        if others_use_the_processors():
            self.skipTest("the machine is busy")
        terminal = chat(*GREEDY)
        file = terminal.home / ".cache" / "halfbyte" / "machine.json"
        self.assertFalse(file.exists())
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            terminal.ask("Hello")
            begin = time.monotonic()
            while not file.exists() and time.monotonic() < begin + 10:
                time.sleep(0.01)
        terminal.leave()
        if not file.exists() and others_use_the_processors():
            self.skipTest("the machine became busy")
        doctor = json.loads(run("doctor", "--json", HOME=str(terminal.home)).stdout)
        self.assertTrue(doctor["file_state"].startswith("read"), doctor["file_state"])
        reply = run("run", MODEL, "Hello", *GREEDY, "--verbose", HOME=str(terminal.home))
        self.assertRegex(reply.stderr.decode(), rf"(?m)^threads +{doctor['threads']['pool']}$")

    def test_a_line_typed_meanwhile_is_answered_and_no_half_file_is_left(self):
        measuring, other = chat(*GREEDY), chat(*GREEDY, "--threads", "1")
        for line in ("Hello", "Why is the sky blue?", "/show system", "And at night?"):
            self.assertEqual(measuring.ask(line), other.ask(line))
        measuring.leave()
        other.leave()
        self.assertFalse((other.home / ".cache").exists())
        for file in measuring.home.glob(".cache/halfbyte/*"):  # a test that was held up may leave time to finish
            self.assertEqual(file.name, "machine.json")
            json.loads(file.read_text())

    def test_a_single_answer_measures_nothing(self):
        home = Path(tempfile.mkdtemp(dir=HOME))
        for words, stdin in ((["Hello"], None), ([], b"Hello\n")):
            done = run("run", MODEL, *words, *GREEDY, stdin=stdin, HOME=str(home))
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((home / ".cache").exists())


if __name__ == "__main__":
    unittest.main()

"""Runs the built program for the tests: HALFBYTE_PROGRAM is its path, HALFBYTE_TEST_DATA the folder tests/data."""
import atexit
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import termios
import time
from pathlib import Path

PROGRAM = os.environ["HALFBYTE_PROGRAM"]
DATA = Path(os.environ["HALFBYTE_TEST_DATA"])
PATIENCE_S = 300  # a sanitized build on a busy machine


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Nothing of the user's own: no store, no colour setting, no history."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HALFBYTE_MODELS", "HALFBYTE_ISA") or k.endswith("SAN_OPTIONS")}
    return kept | {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "TERM": "xterm", "LANG": "C.UTF-8"} | extra


HOME = Path(tempfile.mkdtemp(prefix="halfbyte-test-"))
atexit.register(shutil.rmtree, HOME)


def run(*args: str, stdin: bytes | None = None, **extra: str) -> subprocess.CompletedProcess:
    feed = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run([PROGRAM, *args], capture_output=True, timeout=PATIENCE_S, env=environment(HOME, **extra), **feed)


def result(*args: str, stdin: bytes | None = None, **extra: str) -> str:
    """The stdout of a run that must succeed without a word on stderr."""
    done = run(*args, stdin=stdin, **extra)
    assert (done.returncode, done.stderr) == (0, b""), (args, done.returncode, done.stderr)
    return done.stdout.decode()


def json_result(*args: str, stdin: bytes | None = None, **extra: str):
    return json.loads(result(*args, "--json", stdin=stdin, **extra))


class Terminal:
    """The program on a terminal of its own, typed at and read like one."""

    def __init__(self, *args: str, **extra: str):
        self.home = Path(tempfile.mkdtemp(dir=HOME))
        self.text = ""  # everything it printed
        self.read_to = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(PROGRAM, [PROGRAM, *args], environment(self.home, **extra))
            finally:
                os._exit(127)

    def type(self, text: str):
        os.write(self.fd, text.encode())

    def read_until(self, mark: str) -> str:
        """What came since the last call, up to and with `mark`."""
        deadline = time.monotonic() + PATIENCE_S
        while (at := self.text.find(mark, self.read_to)) < 0:
            assert self._read(deadline), f"ended or stuck before {mark!r}: {self.text[self.read_to:]!r}"
        begin, self.read_to = self.read_to, at + len(mark)
        return self.text[begin:self.read_to]

    def read_to_prompt(self, prompt: str = ">>> ") -> str:
        """The same up to a prompt, which is left out. Then the line editor listens, and no longer the terminal's own line mode."""
        text = self.read_until(prompt).removesuffix(prompt).replace("\r\n", "\n")
        deadline = time.monotonic() + PATIENCE_S
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:
            assert time.monotonic() < deadline, f"no line editor after {prompt!r}"
            time.sleep(0.001)
        return text

    def enter(self, line: str):
        """Types a line and reads its echo."""
        self.type(line + "\r")
        self.read_until("\n")

    def ask(self, line: str) -> str:
        """What is printed between a line and the next prompt."""
        self.enter(line)
        return self.read_to_prompt()

    def leave(self, keys: str = "/bye\r"):
        """Types what ends the program, whose status must then be 0."""
        self.type(keys)
        status = self.exit_status()
        assert status == 0, (status, self.text)

    def exit_status(self) -> int:
        """Reads to the end; the status, negative for a signal."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
        try:
            piece = os.read(self.fd, 65536) if ready else b""
        except OSError:  # Linux's way to say that the other side is closed
            piece = b""
        self.text += piece.decode(errors="replace")
        return bool(piece)

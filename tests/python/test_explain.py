"""The tutor: the outer fence, the terminal, and answers of one backend or several."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from fake_services import PIECES, TEXT, Behaviour, FakeServices
from stand_ins import ScriptedBackend
from tiny_models import tiny_model

import halfbyte
from halfbyte._fence import OuterFence, strip_outer_fence
from halfbyte._terminal import TerminalMarkdown, cells, harmless
from halfbyte.explain import SYSTEM_PROMPT, NotebookPage, PlainPage, TerminalPage, explain, main, page_for
from halfbyte.inference import OllamaBackend, OpenAIBackend

INSIDE = "# Title\n\nText with `code`.\n\n```python\nprint(1)\n```\n\nEnd.\n"


class TestOuterFence:
    @pytest.mark.parametrize(
        ("text", "left"),
        [
            (f"```markdown\n{INSIDE}```", INSIDE),
            (f"```md\n{INSIDE}```\n", INSIDE),
            (f"\n\n```Markdown  \n{INSIDE}```\n\n", f"\n\n{INSIDE}"),
            (f"````markdown\n{INSIDE}````", INSIDE),
            (f"~~~markdown\n{INSIDE}~~~", INSIDE),
            ("```markdown\nA\n```\nbare block\n```\nB\n```", "A\n```\nbare block\n```\nB\n"),
            ("```markdown\ncut off", "cut off"),
            ("````markdown\nA\n```\n", "A\n```\n"),
            ("```markdown\n```python\nprint(1)\n```", "```python\nprint(1)\n```"),
        ],
    )
    def test_is_taken_off(self, text: str, left: str) -> None:
        assert strip_outer_fence(text) == left

    @pytest.mark.parametrize(
        "text",
        [
            INSIDE,
            "```python\nprint(1)\n```",
            "```\nplain\n```\n",
            "Use a fence:\n```markdown\n# T\n```\n",
            "",
            "`code` first",
            "```markdown inline``` text",
        ],
    )
    def test_anything_else_stays_as_it_is(self, text: str) -> None:
        assert strip_outer_fence(text) == text

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
    def test_does_not_depend_on_where_the_pieces_are_cut(self, size: int) -> None:
        for text in (f"```markdown\n{INSIDE}```\n", INSIDE, "```markdown\nA\n```\nbare\n```\n\nB\n```\n"):
            fence = OuterFence()
            pieces = [text[i : i + size] for i in range(0, len(text), size)]
            assert "".join([*map(fence.feed, pieces), fence.close()]) == strip_outer_fence(text)

    def test_text_is_shown_before_its_line_ends(self) -> None:
        fence = OuterFence()
        assert fence.feed("```markdown\n") == ""
        assert fence.feed("A long") == "A long"
        assert fence.feed(" line") == " line"


def rendered(text: str, *, width: int = 40, has_color: bool = False) -> str:
    out: list[str] = []
    page = TerminalMarkdown(out.append, width=width, has_color=has_color)
    for character in text:
        page.feed(character)
    page.close()
    return "".join(out)


class TestTerminalMarkdown:
    def test_headings_lose_their_marks(self) -> None:
        assert rendered("# One\n### Three ###\n") == "One\nThree\n"
        assert rendered("# One", has_color=True) == "\x1b[1;4mOne\x1b[0m\n"

    def test_words_wrap_and_lists_hang(self) -> None:
        assert rendered("- one two three four five\n  1. six", width=20) == "• one two three four\n  five\n  1. six\n"

    def test_inline_marks_become_styles(self) -> None:
        assert rendered("**a b** `c*d` *e* f_g_h 2 * 3") == "a b c*d e f_g_h 2 * 3\n"
        assert rendered("**a** `b`", has_color=True) == "\x1b[1ma\x1b[0m \x1b[36mb\x1b[0m\n"

    def test_links_show_where_they_lead(self) -> None:
        assert rendered("[the paper](http://x.y/z)") == "the paper (http://x.y/z)\n"

    def test_code_is_kept_as_it_is(self) -> None:
        code = "    x = '# no heading'   # and far longer than the width of the terminal"
        assert rendered(f"```python\n{code}\n\n- y\n```\nend") == f"    {code}\n    \n    - y\nend\n"

    def test_tables_are_aligned(self) -> None:
        table = "| Name | Size |\n|:---|---:|\n| a **b** | 1 |\n| 漢字 | 1000 |\n| x \\| y |\n"
        assert rendered(table + "after") == (
            "Name   Size\n─────  ────\na b       1\n漢字   1000\nx | y\nafter\n"
        )

    def test_bars_without_a_divider_are_text(self) -> None:
        assert rendered("| not | a table\n") == "| not | a table\n"

    def test_quotes_and_rules(self) -> None:
        assert rendered("> said\n\n---\n", width=20) == "│ said\n\n" + "─" * 20 + "\n"

    def test_what_a_terminal_would_obey_is_removed(self) -> None:
        assert harmless("\x1b]0;title\x07a\x9bb\u202ec\td") == "]0;titleabc    d"
        assert "\x1b" not in rendered("\x1b[2Jtext\n```\n\x1b[31m\n```\n")

    def test_no_color_means_no_escape_sequence(self) -> None:
        everything = "# h\n**b** *i* `c` [t](u)\n> q\n---\n| a |\n|---|\n| b |\n```\nc\n```\n"
        assert "\x1b" not in rendered(everything)
        assert "\x1b" in rendered(everything, has_color=True)

    def test_cells_counts_columns(self) -> None:
        assert (cells("abc"), cells("漢字"), cells("e\u0301")) == (3, 4, 1)


def saying(text: str, name: str) -> ScriptedBackend:
    return ScriptedBackend((text, 1.0, 1, 1), name=name)


class TestExplain:
    def test_streams_plain_markdown_into_a_pipe(self, services: FakeServices) -> None:
        out = io.StringIO()
        (told,) = explain("Why?", OllamaBackend("tiny", base_url=services.ollama_url), page=PlainPage(out))
        assert out.getvalue() == TEXT + "\n"
        assert told.markdown == TEXT
        body = services.requests[0]["body"]
        assert services.requests[0]["path"] == "/api/chat"
        assert body["stream"] is True
        assert body["messages"] == [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": "Why?"},
        ]

    @pytest.mark.parametrize("without", [("usage",), ()])
    def test_understands_chunks_without_content(self, services: FakeServices, without: tuple[str, ...]) -> None:
        services.behave(Behaviour(without=without))
        backend = OpenAIBackend("tiny", base_url=services.openai_url, env_file=None)
        assert explain("Why?", backend, page=PlainPage(io.StringIO()))[0].markdown == "".join(PIECES)

    def test_takes_the_outer_fence_off(self) -> None:
        out = io.StringIO()
        explain("Why?", saying("```markdown\n# T\n```", "a"), page=PlainPage(out))
        assert out.getvalue() == "# T\n"

    def test_several_are_shown_one_after_the_other_under_their_names(self) -> None:
        out = io.StringIO()
        told = explain("Why?", [saying("A.", "one"), saying("B.", "two")], page=PlainPage(out))
        assert [explanation.markdown for explanation in told] == ["A.", "B."]
        assert out.getvalue() == "## one: one-1\n\nA.\n\n## two: two-1\n\nB.\n\n"

    def test_one_of_several_may_fail(self) -> None:
        out = io.StringIO()
        failing = ScriptedBackend(ConnectionError("gone"), name="one")
        told = explain("Why?", [failing, saying("B.", "two")], page=PlainPage(out))
        assert isinstance(told[0].error, ConnectionError)
        assert "*stopped: gone*" in out.getvalue()
        assert told[1].markdown == "B."

    def test_when_all_fail_it_is_raised(self) -> None:
        with pytest.raises(ConnectionError, match="gone"):
            explain("Why?", ScriptedBackend(ConnectionError("gone")), page=PlainPage(io.StringIO()))
        several = [ScriptedBackend(ConnectionError("gone"), name=name) for name in ("one", "two")]
        with pytest.raises(ConnectionError, match="gone"):
            explain("Why?", several, page=PlainPage(io.StringIO()))

    def test_no_question_and_no_backend_are_refused(self) -> None:
        with pytest.raises(ValueError, match="question"):
            explain(" ", saying("x", "a"))
        with pytest.raises(ValueError, match="backends"):
            explain("Why?", [])

    def test_a_notebook_gets_one_display_that_is_updated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[str] = []
        handle = types.SimpleNamespace(update=shown.append)
        display = types.SimpleNamespace(Markdown=lambda text: text, display=lambda text, display_id: handle)
        monkeypatch.setitem(sys.modules, "IPython.display", display)
        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
        explain("Why?", saying("A.", "one"), page=NotebookPage())
        assert shown[-1] == "A."

    def test_the_page_fits_where_the_output_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.delenv("NO_COLOR", raising=False)
        assert isinstance(page_for(io.StringIO()), PlainPage)
        out = Terminal()
        page = page_for(out)
        assert isinstance(page, TerminalPage)
        page.begin("T")
        page.end()
        assert "\x1b" in out.getvalue()
        monkeypatch.setenv("NO_COLOR", "1")
        out = Terminal()
        page = page_for(out)
        page.begin("T")
        page.end()
        assert out.getvalue() == "T\n\n"


class TestExplainCommand:
    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        package = Path(halfbyte.__file__).parents[1]
        environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONWARNINGS": "error"}
        return subprocess.run(
            [sys.executable, "-m", "halfbyte.explain", *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=environment,
            timeout=60,
        )

    def test_writes_the_answer_and_nothing_else(self, services: FakeServices, tmp_path: Path) -> None:
        from halfbyte.inference import write_prodlm_manifest

        write_prodlm_manifest(model_id="tiny", base_url=services.ollama_url, repo_root=tmp_path)
        done = self.run("Why?", cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, TEXT + "\n", "")
        services.behave(Behaviour(status=500))
        failed = self.run("Why?", "--backend", "prodlm", cwd=tmp_path)
        assert (failed.returncode, failed.stdout.strip()) == (1, "")
        assert re.match(r"halfbyte: Ollama at .*500", failed.stderr)

    @pytest.mark.parametrize("word", ["gopher", "mlx", "auto:x"])
    def test_an_unknown_backend_is_a_usage_error(self, word: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["Why?", "--backend", word]) == 2
        assert word in capsys.readouterr().err

    def test_a_local_model_answers_in_this_process(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["Why?", "--backend", f"local:{tiny_model()}", "--max-tokens", "4", "--temperature", "0"]) == 0
        assert capsys.readouterr().out.strip()

    def test_ctrl_c_is_no_traceback(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        def interrupted(word: str) -> ScriptedBackend:
            raise KeyboardInterrupt

        monkeypatch.setattr("halfbyte.explain.open_backend", interrupted)
        assert main(["Why?"]) == 130
        assert capsys.readouterr().err == ""

    def test_a_reader_that_has_gone_ends_it_quietly(self, services: FakeServices, tmp_path: Path) -> None:
        from halfbyte.inference import write_prodlm_manifest

        write_prodlm_manifest(model_id="tiny", base_url=services.ollama_url, repo_root=tmp_path)
        package = Path(halfbyte.__file__).parents[1]
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "halfbyte.explain", "Why?"],
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(package)},
            timeout=60,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, b"")

    def test_defaults_of_the_services(self) -> None:
        from halfbyte.inference import open_backend

        assert open_backend("ollama").info.model_id == "llama3.2"
        assert open_backend("ollama:llama3.2:3b").info.model_id == "llama3.2:3b"
        assert open_backend("openai").info.model_id == "gpt-4o-mini"


def test_python_files_of_the_tutor_need_no_terminal_package() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, halfbyte.explain; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {"rich", "IPython", "curses"}.isdisjoint(loaded)



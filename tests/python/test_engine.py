"""The engine in this process: what it answers, how it shares, and that nothing it meets ends the interpreter.

Most engines here have one thread: on a loaded machine several wait for each other at every step of so small a model.
"""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tiny_models import scripted_model, tiny_model

from halfbyte import _core
from halfbyte.inference import EngineBackend, EngineError, evaluate, open_backend
from halfbyte.inference.engine import load_core
from halfbyte.inference.engine_errors import (
    EXCEPTIONS,
    CorruptModelError,
    EngineClosedError,
    InvalidRequestError,
    ModelNotFoundError,
    TooLongError,
    UnsupportedError,
)

LONG = 40_000  # tokens: more than any test waits for
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineBackend]:
    with EngineBackend(tiny_model(), threads=1) as backend:
        yield backend


@pytest.fixture(scope="module")
def long_engine() -> Iterator[EngineBackend]:
    """Its greedy answers do not end by themselves."""
    with EngineBackend(tiny_model(context=LONG), context=LONG, threads=1) as backend:
        yield backend


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In an interpreter of its own; `engine` is open there, with answers that do not end."""
    begin = f"""
    import os, signal, sys, threading
    from halfbyte.inference import EngineBackend, EngineError
    engine = EngineBackend({str(tiny_model(context=LONG))!r}, context={LONG}, threads=1)
    endless = {{"max_new_tokens": {LONG}, "temperature": 0.0}}
    """
    text = textwrap.dedent(begin) + textwrap.dedent(program)
    return subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, text=True, timeout=120)


def said(program: str) -> str:
    """What `program` prints, when it ends as it should and says nothing on stderr."""
    done = run(program)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


class TestAnswers:
    def test_tells_how_the_prompt_was_taken(self, engine: EngineBackend) -> None:
        with EngineBackend(tiny_model(), template=True) as templated:
            raw, chat = (backend.complete("hi", max_new_tokens=4, temperature=0.0) for backend in (engine, templated))
            assert (raw.metadata["template"], chat.metadata["template"]) == ("none", "model's")
            assert raw.completion != chat.completion
            assert chat.completion == engine.chat(MESSAGES, max_new_tokens=4, temperature=0.0).content

    def test_counts_tokens_and_tells_why_it_ended(self, engine: EngineBackend) -> None:
        answer = engine.complete("hi", max_new_tokens=4, temperature=0.0)
        assert (answer.prompt_tokens, answer.completion_tokens) == (2, 4)
        assert answer.metadata["finish_reason"] == "length"
        assert answer.metadata["queued_ms"] + answer.metadata["prompt_ms"] + answer.metadata["generation_ms"] <= answer.latency_ms
        assert 0 < answer.metadata["inter_token_ms"] <= answer.metadata["generation_ms"]

    def test_says_what_it_runs(self, engine: EngineBackend) -> None:
        assert engine.info.name == "engine"
        assert engine.info.model_id == engine.info.extra["path"] == str(tiny_model())
        assert engine.info.extra["context_tokens"] == 512
        assert engine.info.extra["threads"] >= 1
        assert engine.info.extra["template"] is False

    def test_the_same_seed_is_the_same_text(self, engine: EngineBackend) -> None:
        one, same, other = (engine.complete("hi", max_new_tokens=24, seed=seed) for seed in (7, 7, 8))
        assert one.completion == same.completion != other.completion
        assert (one.metadata["seed"], other.metadata["seed"]) == (7, 8)
        assert engine.complete("hi", max_new_tokens=2, seed=2**64 - 1).metadata["seed"] == 2**64 - 1

    def test_without_a_seed_it_is_zero(self, engine: EngineBackend) -> None:
        assert (
            engine.complete("hi", max_new_tokens=9).completion == engine.complete("hi", max_new_tokens=9, seed=0).completion
        )

    def test_ends_before_a_stop_string(self, engine: EngineBackend) -> None:
        whole = engine.complete("hi", max_new_tokens=24, seed=7).completion
        stop = whole[5:8]
        cut = engine.complete("hi", max_new_tokens=24, seed=7, stop=[stop])
        assert cut.completion == whole[: whole.index(stop)]
        assert cut.metadata["finish_reason"] == "stop"
        assert "".join(engine.stream("hi", max_new_tokens=24, seed=7, stop=[stop])) == cut.completion

    def test_a_stream_comes_in_pieces(self, long_engine: EngineBackend) -> None:
        pieces = long_engine.stream("hi", max_new_tokens=LONG - 8, temperature=0.0)
        for _ in range(3):
            assert 0 < len(next(pieces)) < LONG  # the engine is a few tokens ahead, not the whole answer
        pieces.close()

    def test_a_model_without_a_template_chats_by_transcript(self) -> None:
        with EngineBackend(tiny_model(chat_template=None)) as plain:
            answer = plain.chat(MESSAGES, max_new_tokens=4, temperature=0.0)
            assert answer.metadata["chat_format"] == "transcript"
            assert "".join(plain.stream_chat(MESSAGES, max_new_tokens=4, temperature=0.0)) == answer.content

    def test_text_of_any_kind_goes_in(self, engine: EngineBackend) -> None:
        for prompt in ("Grüße, 世界 \U0001f600", "\0", "a\u0301", "<s></s>", "\ufffd\ufffe"):
            assert engine.complete(prompt, max_new_tokens=1).prompt == prompt

    @pytest.mark.parametrize("kv_type", ["f16", "bf16", "q8_0", "f32"])
    def test_the_cache_may_hold_other_numbers(self, kv_type: str) -> None:
        with EngineBackend(tiny_model(), kv_type=kv_type) as backend:
            assert backend.info.extra["kv_type"] == kv_type
            assert backend.complete("hi", max_new_tokens=9, temperature=0.0).completion_tokens == 9

    def test_what_a_reply_warns_of_is_said_once(self) -> None:
        with EngineBackend(tiny_model()) as backend, pytest.warns(RuntimeWarning, match="cut off") as said:
            for _ in range(2):
                backend._warn({"warning": "keys were cut off"})
        assert len(said) == 1

    def test_a_path_is_taken_as_a_path_too(self, tmp_path: Path) -> None:
        odd = tmp_path / os.fsdecode("möd\udcffel.gguf".encode("utf-8", "surrogateescape"))
        odd.symlink_to(tiny_model())
        with EngineBackend(odd) as backend:
            assert backend.complete("hi", max_new_tokens=1).completion_tokens == 1

    def test_opens_by_a_word(self) -> None:
        for kind in ("engine", "local"):
            backend = open_backend(f"{kind}:{tiny_model()}", template=True)
            assert isinstance(backend, EngineBackend)
            assert backend.info.extra["template"] is True
            backend.close()


class TestChat:
    def test_tells_thinking_content_and_calls_apart(self) -> None:
        call = '{"name": "look", "arguments": {"at": [1, "Köln"]}}'
        model = scripted_model("<think>", "hm", "</think>", "\n", "I look", ".\n", "<tool_call>", call, "</tool_call>")
        tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
        with EngineBackend(model) as backend:
            assert backend.supports_tools
            answer = backend.chat(MESSAGES, tools, temperature=0.0)
            assert (answer.thinking, answer.content) == ("hm", "I look.")
            (made,) = answer.tool_calls
            assert (made.name, made.arguments) == ("look", {"at": [1, "Köln"]})
            turn = {"role": "assistant", "content": answer.content, "tool_calls": answer.tool_calls}
            result = {"role": "tool", "tool_name": "look", "call_id": made.call_id, "content": "nothing"}
            again = backend.chat([*MESSAGES, turn, result], tools, temperature=0.0)
            assert again.prompt_tokens is not None
            assert answer.prompt_tokens is not None
            assert again.prompt_tokens > answer.prompt_tokens
            assert again.tool_calls[0].call_id != made.call_id

    def test_a_stream_gives_the_answer_and_keeps_the_thought(self) -> None:
        with EngineBackend(scripted_model("<think>", "hm", "</think>", "\n", "One", " two")) as backend:
            stream = backend.stream_chat(MESSAGES, temperature=0.0)
            pieces = []
            while True:
                try:
                    pieces.append(next(stream))
                except StopIteration as end:
                    result = end.value
                    break
            assert "".join(pieces) == result.content == "One two"
            assert result.thinking == "hm"

    def test_calls_in_the_envelope_of_a_service_are_understood(self) -> None:
        wire = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
        turns = [
            *MESSAGES,
            {"role": "assistant", "tool_calls": [wire]},
            {"role": "tool", "tool_call_id": "call_1", "content": "x"},
        ]
        with EngineBackend(scripted_model("Fine", ".")) as backend:
            assert backend.chat(turns, temperature=0.0).content == "Fine."

    def test_content_in_parts_and_further_members_reach_the_template(self) -> None:
        template = "{% for message in messages %}{% for part in message.content %}{{ part.text }}{% endfor %}{{ message.mood }}{% endfor %}"
        parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "bc"}]
        with EngineBackend(scripted_model("Fine", ".", chat_template=template)) as backend:
            told = backend.chat([{"role": "user", "content": parts, "mood": "def"}], temperature=0.0)
            assert told.prompt_tokens == backend.complete("abcdef", max_new_tokens=1).prompt_tokens
            assert told.messages[0]["content"] == parts


class TestLogLikelihood:
    def test_is_the_sum_over_the_continuations_tokens(self, engine: EngineBackend) -> None:
        whole = engine.log_likelihood("ab", "cd")
        assert whole == pytest.approx(engine.log_likelihood("ab", "c") + engine.log_likelihood("abc", "d"), abs=1e-4)
        assert whole < 0

    def test_is_highest_for_what_the_model_would_say(self, engine: EngineBackend) -> None:
        said = engine.complete("ab", max_new_tokens=1, temperature=0.0).completion
        assert engine.log_likelihood("ab", said) > engine.log_likelihood("ab", "~")

    def test_decides_multiple_choice(self, engine: EngineBackend) -> None:
        scores = [engine.log_likelihood("ab", choice) for choice in "xyz"]
        likeliest = scores.index(max(scores))
        out = evaluate(engine, [{"prompt": "ab", "choices": list("xyz"), "answer": likeliest}], "multiple_choice")
        assert (out.metadata["by"], out.score, out.records[0].scores) == ("log-likelihood", 1.0, scores)

    @pytest.mark.parametrize(("prompt", "continuation"), [("", "x"), ("x", ""), ("\ud83d", "x"), ("x", "y" * 600)])
    def test_what_has_none_is_refused(self, engine: EngineBackend, prompt: str, continuation: str) -> None:
        with pytest.raises(ValueError, match=r"prompt|continuation"):
            engine.log_likelihood(prompt, continuation)


class TestSharing:
    def test_others_run_while_it_computes(self, long_engine: EngineBackend) -> None:
        seen = []
        done = threading.Event()

        def ask() -> None:
            seen.append(long_engine.complete("hi", max_new_tokens=300, temperature=0.0).completion_tokens)
            done.set()

        thread = threading.Thread(target=ask)
        turns = 0
        thread.start()
        while not done.is_set():
            turns += 1
        thread.join()
        assert seen == [300]
        assert turns > 100  # with the GIL held there would be no turn at all between start and end

    def test_threads_share_one_and_get_what_each_would_get_alone(self, engine: EngineBackend) -> None:
        def ask(seed: int) -> str:
            return engine.complete(f"prompt {seed % 5}", max_new_tokens=20, seed=seed).completion

        alone = [ask(seed) for seed in range(24)]
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(ask, range(24))) == alone

    def test_two_engines_live_side_by_side(self, engine: EngineBackend) -> None:
        with EngineBackend(tiny_model("qwen3")) as other:
            streams = [backend.stream("hi", max_new_tokens=12, seed=1) for backend in (engine, other)]
            texts = ["".join(pieces) for pieces in zip(*([list(stream) for stream in streams]), strict=False)]
            assert texts
            assert (
                other.complete("hi", max_new_tokens=12, seed=1).completion
                != engine.complete("hi", max_new_tokens=12, seed=1).completion
            )

    def test_a_dropped_stream_gives_its_room_back(self) -> None:
        with EngineBackend(tiny_model(), threads=1) as backend:
            for _ in range(70):  # the queue holds 64
                next(backend.stream("hi", max_new_tokens=400, temperature=0.0))
            assert backend.complete("hi", max_new_tokens=400, temperature=0.0).completion_tokens == 400

    def test_a_cancelled_task_ends_its_request(self, long_engine: EngineBackend) -> None:
        async def ask() -> None:
            task = asyncio.create_task(long_engine.acomplete("hi", max_new_tokens=LONG - 8, temperature=0.0))
            await asyncio.sleep(0)  # its turn: it has asked, and waits
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(ask())  # which waits for the thread underneath

    def test_one_stream_has_one_reader(self, long_engine: EngineBackend) -> None:
        options = _core.Options(max_new_tokens=LONG - 8, temperature=0.0, top_k=None, top_p=None, seed=None, stop=[], grammar_kind="", grammar="")
        reply = long_engine._engine.start("hi", options)
        refused = []

        def read() -> None:
            try:
                reply.result()
            except InvalidRequestError as error:
                refused.append(str(error))
                reply.cancel()  # which lets the other one go

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert refused == ["another thread is reading this stream"]


class TestClosing:
    def test_a_closed_engine_says_so(self) -> None:
        backend = EngineBackend(tiny_model())
        backend.close()
        backend.close()
        for ask in (lambda: backend.complete("hi"), lambda: next(backend.stream("hi")), lambda: backend.chat(MESSAGES)):
            with pytest.raises(EngineClosedError, match="closed"):
                ask()
        assert backend.info.model_id == str(tiny_model())

    def test_closing_ends_what_is_being_answered(self) -> None:
        backend = EngineBackend(tiny_model(context=LONG), context=LONG, threads=1)
        stream = backend.stream("hi", max_new_tokens=LONG - 8, temperature=0.0)
        next(stream)
        with ThreadPoolExecutor(2) as threads:
            asked = [threads.submit(backend.complete, "hi", max_new_tokens=LONG - 8, temperature=0.0) for _ in range(2)]
            backend.close()
            for future in asked:
                with pytest.raises(EngineClosedError):
                    future.result()
        with pytest.raises(EngineClosedError):
            next(stream)

    def test_what_is_asked_while_it_closes_is_ended_too(self) -> None:
        for _ in range(30):
            backend = EngineBackend(tiny_model(context=LONG), context=LONG, threads=1)
            streams = [backend.stream("hi", max_new_tokens=8, temperature=0.0) for _ in range(30)]
            for stream in streams:
                next(stream)
            with ThreadPoolExecutor(16) as threads:
                starter = threads.submit(
                    lambda: [threads.submit(backend.complete, "hi", max_new_tokens=LONG - 8, temperature=0.0) for _ in range(15)]
                )
                backend.close()
                for future in starter.result():
                    with pytest.raises(EngineClosedError):
                        future.result()

    def test_a_stream_outlives_the_last_reference_to_its_engine(self) -> None:
        stream = EngineBackend(tiny_model()).stream("hi", max_new_tokens=9, temperature=0.0)
        assert len("".join(stream)) > 0


class TestErrors:
    def test_each_kind_has_an_exception(self) -> None:
        assert set(EXCEPTIONS) == {*_core.code_names(), "closed", "forked"}
        assert len(set(EXCEPTIONS.values())) == len(EXCEPTIONS)
        for exception in EXCEPTIONS.values():
            assert issubclass(exception, EngineError)

    def test_a_model_that_is_nowhere_says_where_it_was_looked_for(self) -> None:
        with pytest.raises(FileNotFoundError, match="no/such/model") as error:
            EngineBackend("no/such/model.gguf")
        assert type(error.value) is ModelNotFoundError

    @pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model at all", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64])
    def test_a_file_that_is_no_model_is_refused_by_its_path(self, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "bad.gguf"
        file.write_bytes(content)
        with pytest.raises(EngineError, match=r"bad\.gguf"):
            EngineBackend(file)

    def test_a_file_cut_anywhere_is_corrupt(self, tmp_path: Path) -> None:
        good = tiny_model().read_bytes()
        file = tmp_path / "cut.gguf"
        for size in range(24, len(good) - 32, len(good) // 23):
            file.write_bytes(good[:size])
            with pytest.raises(CorruptModelError, match=r"cut\.gguf"):
                EngineBackend(file)

    def test_a_folder_that_is_no_checkpoint_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match=str(tmp_path)):
            EngineBackend(tmp_path)

    def test_a_template_must_be_there_to_be_used(self) -> None:
        with pytest.raises(NotImplementedError, match="no chat template") as error:
            EngineBackend(tiny_model(chat_template=None), template=True)
        assert type(error.value) is UnsupportedError

    def test_more_than_the_context_is_too_long(self, engine: EngineBackend) -> None:
        with pytest.raises(TooLongError, match="512"):
            engine.complete("x" * 600)
        with pytest.raises(ValueError, match="512"):
            EngineBackend(tiny_model(), context=513)

    def test_a_full_queue_is_busy(self) -> None:
        options = _core.Options(max_new_tokens=500, temperature=0.0, top_k=None, top_p=None, seed=None, stop=[], grammar_kind="", grammar="")
        with EngineBackend(tiny_model()) as backend:
            streams = []
            with pytest.raises(EXCEPTIONS["busy"], match="queue"):
                for _ in range(100):
                    streams.append(backend._engine.start("hi", options))
            assert len(streams) > 8

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"context": 0}, ValueError),
            ({"context": 2**40}, ValueError),
            ({"context": "long"}, TypeError),
            ({"cache": -1}, ValueError),
            ({"threads": True}, TypeError),
            ({"threads": -1}, ValueError),
            ({"kv_type": "f8"}, ValueError),
            ({"kv_type": 16}, TypeError),
            ({"template": "yes"}, TypeError),
            ({"thinking": 1}, TypeError),
            ({"name": ""}, ValueError),
        ],
    )
    def test_options_that_make_no_sense_are_refused_by_name(self, options: dict[str, Any], error: type[Exception]) -> None:
        with pytest.raises(error, match=next(iter(options))):
            EngineBackend(tiny_model(), **options)

    @pytest.mark.parametrize(
        ("wish", "error"),
        [
            ({"seed": -1}, ValueError),
            ({"seed": 2**64}, ValueError),
            ({"seed": 1.0}, TypeError),
            ({"stop": "end"}, TypeError),
            ({"stop": [1]}, TypeError),
            ({"stop": ["\ud83d"]}, ValueError),
            ({"stop": [""]}, ValueError),
            ({"stop": ["x"] * 99}, ValueError),
        ],
    )
    def test_wishes_that_make_no_sense_are_refused_by_name(
        self, engine: EngineBackend, wish: dict[str, Any], error: type[Exception]
    ) -> None:
        for ask in (engine.complete, lambda prompt, **wish: next(engine.stream(prompt, **wish))):
            with pytest.raises(error, match=next(iter(wish))):
                ask("hi", **wish)

    def test_half_a_character_is_refused(self, engine: EngineBackend) -> None:
        with pytest.raises(ValueError, match="prompt: expected text"):
            engine.complete("\ud83d")
        with pytest.raises(ValueError, match=r"messages\[0\]\.content"):
            engine.chat([{"role": "user", "content": "\ud83d"}])

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "user", "content": 7},
            {"role": "user", "content": ["text"]},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}]},
            {"role": "user", "content": "x", "mood": {1, 2}},
            {"role": "user", "content": "x", "mood": "\ud83d"},
            {"role": "assistant", "tool_calls": "weather"},
            {"role": "assistant", "tool_calls": [{"arguments": {}}]},
            {"role": "tool", "content": "x", "call_id": 1},
        ],
    )
    def test_a_message_of_the_wrong_form_is_refused_by_its_place(self, engine: EngineBackend, message: Any) -> None:
        with pytest.raises((TypeError, ValueError), match=r"messages\[1\]"):
            engine.chat([*MESSAGES, message])

    def test_huge_numbers_mean_as_much_as_there_is(self, engine: EngineBackend) -> None:
        answer = engine.complete("hi", max_new_tokens=10**30, temperature=0.0, top_k=10**30)
        assert answer.completion_tokens == 510

    def test_an_installation_without_the_module_says_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "halfbyte._core", None)
        with pytest.raises(ImportError, match="pip install") as error:
            load_core()
        assert error.value.__cause__ is not None

    @pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_an_engine_does_not_leave_its_process(self, engine: EngineBackend, leave: Any) -> None:
        with pytest.raises(TypeError, match="open the model in the other one"):
            leave(engine)


class TestCtrlC:
    def test_ends_a_completion_and_the_engine_goes_on(self) -> None:
        assert (
            said("""
            def interrupt():
                me = threading.main_thread().ident
                while sys._current_frames()[me].f_code.co_name != "complete":
                    pass
                os.kill(os.getpid(), signal.SIGINT)

            threading.Thread(target=interrupt).start()
            try:
                engine.complete("hi", **endless)
            except KeyboardInterrupt:
                print("stopped", engine.complete("hi", max_new_tokens=3, temperature=0.0).completion_tokens)
            """)
            == "stopped 3"
        )

    def test_ends_a_stream_within_one_token(self) -> None:
        assert (
            said("""
            pieces = 0
            try:
                for piece in engine.stream("hi", **endless):
                    pieces += 1
                    os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                print(pieces, engine.complete("hi", max_new_tokens=3, temperature=0.0).completion_tokens)
            """)
            == "1 3"
        )

    def test_a_handler_that_goes_on_goes_on(self) -> None:
        assert (
            said("""
            seen = []
            signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            answer = engine.complete("hi", max_new_tokens=300, temperature=0.0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(answer.completion_tokens, bool(seen))
            """)
            == "300 True"
        )

    def test_ends_the_command_that_explains(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "halfbyte.explain", "why", "--backend", f"engine:{tiny_model(context=LONG)}"]
        process = subprocess.Popen([*command, "--max-tokens", str(LONG), "--temperature", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode == 130


class TestExit:
    """Nothing that is under way when the interpreter ends aborts it, holds it up, or is heard of."""

    def test_with_a_stream_half_read(self) -> None:
        said("stream = engine.stream('hi', **endless); next(stream)")

    def test_in_the_middle_of_a_stream(self) -> None:
        said("for piece in engine.stream('hi', **endless): sys.exit()")

    def test_with_daemon_threads_at_work(self) -> None:
        assert (
            said(
                """
            first = threading.Barrier(9)

            def read(number):
                for place, piece in enumerate(engine.stream("hi", **endless)):
                    if place == 0:
                        first.wait()

            def ask(number):
                first.wait()
                engine.complete("hi", **endless)

            for number in range(4):
                threading.Thread(target=read, args=(number,), daemon=True).start()
                threading.Thread(target=ask, args=(number,), daemon=True).start()
            first.wait()
            print("leaving")
            """.replace("**endless", "max_new_tokens=4000, temperature=0.0")
            )
            == "leaving"
        )

    def test_with_a_model_being_loaded(self) -> None:
        said("""
        def load():
            while True:
                EngineBackend(engine.info.extra["path"])

        threading.Thread(target=load, daemon=True).start()
        engine.complete("hi", max_new_tokens=50)
        """)

    def test_with_an_asynchronous_stream_left_behind(self) -> None:
        said("""
        import asyncio

        async def leave():
            async for piece in engine.astream("hi", **endless):
                break

        asyncio.run(leave())
        """)

    def test_by_an_exception(self) -> None:
        done = run("stream = engine.stream('hi', **endless); next(stream); raise RuntimeError('mine')")
        assert done.returncode == 1
        assert done.stderr.rstrip().endswith("RuntimeError: mine")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
class TestFork:
    def test_a_child_is_told_and_does_not_hang(self) -> None:
        assert (
            said("""
            import warnings
            warnings.simplefilter("ignore")  # newer interpreters warn of threads
            stream = engine.stream("hi", **endless)
            next(stream)
            child = os.fork()
            if child == 0:
                for ask in (lambda: engine.complete("hi"), lambda: next(stream), lambda: engine.chat([{"role": "user", "content": "hi"}])):
                    try:
                        ask()
                    except EngineError as error:
                        print(type(error).__name__, "spawn" in str(error), flush=True)
                stream.close()
                engine.close()
                del stream, engine
                sys.exit(7)  # with all that an exit runs
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            print(bool(next(stream)))
            """).split()
            == "ForkedError True ForkedError True ForkedError True 7 True".split()
        )

    def test_a_child_may_open_a_model_of_its_own(self) -> None:
        assert said("""
            import warnings
            warnings.simplefilter("ignore")
            child = os.fork()
            if child == 0:
                mine = EngineBackend(engine.info.extra["path"])
                print(mine.complete("hi", max_new_tokens=5, temperature=0.0).completion_tokens, flush=True)
                sys.exit(0)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            """).split() == ["5", "0"]

    def test_spawned_processes_open_their_own(self, tmp_path: Path) -> None:
        script = tmp_path / "spawn.py"
        script.write_text(
            textwrap.dedent(f"""
            import multiprocessing
            from halfbyte.inference import EngineBackend

            def ask(prompt):
                with EngineBackend({str(tiny_model())!r}) as backend:
                    return backend.complete(prompt, max_new_tokens=5, temperature=0.0).completion

            if __name__ == "__main__":
                here = ask("hi")
                with multiprocessing.get_context("spawn").Pool(2) as pool:
                    print(pool.map(ask, ["hi"] * 2) == [here] * 2)
            """)
        )
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


class TestModule:
    def test_has_the_version_of_the_package(self) -> None:
        import halfbyte

        assert _core.__version__ == halfbyte.__version__

    def test_the_stub_names_all_that_it_has(self) -> None:
        import ast

        import halfbyte

        stub = ast.parse((Path(halfbyte.__path__[0]) / "_core.pyi").read_text())
        named = {node.name for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        assert named == {name for name in dir(_core) if not name.startswith("_")}
        for node in stub.body:
            if isinstance(node, ast.ClassDef):
                methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)} - {"__init__"}
                assert methods == {name for name in dir(getattr(_core, node.name)) if not name.startswith("_")}

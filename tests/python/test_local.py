"""A PyTorch-like model in this process."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest
from stand_ins import CharTokenizer, NextLetterModel

from halfbyte.inference import BackendInfo, LocalTransformerBackend
from halfbyte.inference.local import TokenIds, generate


class TestLocalBoilerplate:
    def test_defaults(self) -> None:
        model, tokenizer = NextLetterModel(), CharTokenizer()
        backend = LocalTransformerBackend(model, tokenizer)
        assert backend.info == BackendInfo(name="local", model_id="g2c-local")
        assert backend.model is model
        assert backend.tokenizer is tokenizer

    def test_names_and_extra_reach_the_info(self) -> None:
        backend = LocalTransformerBackend(
            NextLetterModel(), CharTokenizer(), model_id="mine-20m", name="lab", extra={"dtype": "f32"}
        )
        assert backend.info == BackendInfo("lab", "mine-20m", {"dtype": "f32"})
        assert "LocalTransformerBackend" in repr(backend)
        assert "mine-20m" in repr(backend)

    def test_a_missing_model_or_tokenizer_is_refused(self) -> None:
        with pytest.raises(ValueError, match="model"):
            LocalTransformerBackend(None, CharTokenizer())
        with pytest.raises(ValueError, match="tokenizer"):
            LocalTransformerBackend(NextLetterModel(), None)

    @pytest.mark.parametrize("method", ["encode", "decode"])
    def test_a_tokenizer_without_a_method_is_refused_by_its_name(self, method: str) -> None:
        half = type("Half", (), {name: lambda self, x: x for name in {"encode", "decode"} - {method}})
        with pytest.raises(TypeError, match=method):
            LocalTransformerBackend(NextLetterModel(), half())

    @pytest.mark.parametrize("eos_id", ["end", 1.0, True])
    def test_an_end_token_that_is_no_int_is_refused(self, eos_id: Any) -> None:
        with pytest.raises(TypeError, match="eos_id"):
            LocalTransformerBackend(NextLetterModel(), CharTokenizer(), eos_id=eos_id)


class TestLocalGenerate:
    def test_returns_the_prompt_and_its_continuation(self) -> None:
        ids = generate(NextLetterModel(), [97, 98], max_new_tokens=3, temperature=0.0)
        assert ids == [97, 98, 99, 100, 101]
        assert ids.shape == (5,)

    def test_ends_with_the_end_token_which_is_part_of_it(self) -> None:
        assert generate(NextLetterModel(), [97], max_new_tokens=9, temperature=0.0, eos_id=99) == [97, 98, 99]

    def test_shows_the_model_its_last_max_seq_len_ids(self) -> None:
        model = NextLetterModel()
        generate(model, list(range(97, 107)), max_new_tokens=2, temperature=0.0)
        assert model.seen == [[list(range(99, 107))], [list(range(100, 108))]]

    def test_temperature_zero_takes_the_lowest_of_equal_ids(self) -> None:
        model = NextLetterModel()
        model._row = lambda last: [0.0, 5.0, 5.0]  # type: ignore[method-assign]
        assert generate(model, [0], max_new_tokens=1, temperature=0.0) == [0, 1]

    def test_top_k_of_one_is_greedy(self) -> None:
        ids = generate(NextLetterModel(), [97], max_new_tokens=5, temperature=100.0, top_k=1)
        assert ids == [97, 98, 99, 100, 101, 102]

    def test_top_p_keeps_the_tokens_that_hold_the_probability(self) -> None:
        random.seed(1)
        ids = generate(NextLetterModel(), [97], max_new_tokens=20, temperature=1.0, top_p=0.7)
        assert ids == list(range(97, 118))

    def test_sampling_reaches_more_than_one_token_and_repeats_with_the_seed(self) -> None:
        drawn = []
        for _ in range(2):
            random.seed(7)
            drawn.append(generate(NextLetterModel(), [97], max_new_tokens=30, temperature=1.0, top_k=2))
        steps = {after - before for before, after in zip(drawn[0], drawn[0][1:], strict=False)}
        assert steps == {1, 2}
        assert drawn[0] == drawn[1]

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_logits_that_are_no_numbers_give_no_token(self, bad: float) -> None:
        model = NextLetterModel()
        model._row = lambda last: [0.0, bad, 1.0]  # type: ignore[method-assign]
        with pytest.raises(RuntimeError, match="finite"):
            generate(model, [0], max_new_tokens=1, temperature=1.0)

    def test_minus_infinity_rules_a_token_out(self) -> None:
        model = NextLetterModel()
        model._row = lambda last: [float("-inf"), 0.0, float("-inf")]  # type: ignore[method-assign]
        assert generate(model, [0], max_new_tokens=3, temperature=2.0) == [0, 1, 1, 1]

    def test_a_model_without_max_seq_len_is_refused(self) -> None:
        with pytest.raises(TypeError, match="max_seq_len"):
            generate(lambda batch: [[[1.0]]], [0], max_new_tokens=1)

    def test_no_ids_or_two_dimensions_are_refused(self) -> None:
        with pytest.raises(ValueError, match="prompt_ids"):
            generate(NextLetterModel(), [], max_new_tokens=1)
        with pytest.raises(ValueError, match="prompt_ids"):
            generate(NextLetterModel(), TokenIds([TokenIds([1])]), max_new_tokens=1)


class TestLocalComplete:
    def test_the_completion_is_what_comes_after_the_prompt(self) -> None:
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
        answer = backend.complete("ab", max_new_tokens=3, temperature=0.0)
        assert (answer.prompt, answer.completion) == ("ab", "cde")
        assert (answer.prompt_tokens, answer.completion_tokens) == (2, 3)
        assert answer.backend is backend.info
        assert answer.latency_ms > 0

    def test_metadata_has_the_sampling_and_the_end_token(self) -> None:
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer(), eos_id=100)
        answer = backend.complete("ab", max_new_tokens=8, temperature=0.5, top_k=1, top_p=0.9)
        assert answer.metadata["sampling"] == {"max_new_tokens": 8, "temperature": 0.5, "top_k": 1, "top_p": 0.9}
        assert answer.metadata["eos_id"] == 100
        assert answer.metadata["finish_reason"] == "stop"
        assert answer.completion == "cd"

    def test_calls_the_modules_generate_and_cuts_by_token_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        called: dict[str, Any] = {}

        def scripted(model: Any, prompt_ids: Any, **options: Any) -> list[int]:
            called.update(options, prompt_ids=prompt_ids)
            return [104, 105, 33, 34]

        monkeypatch.setattr("halfbyte.inference.local.generate", scripted)
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer(), eos_id=42)
        answer = backend.complete("hi", max_new_tokens=8, temperature=0.5, top_k=20, top_p=0.9)
        assert answer.completion == '!"'
        assert called["prompt_ids"].dim() == 1
        assert {**called, "prompt_ids": None} == {
            "max_new_tokens": 8,
            "temperature": 0.5,
            "top_k": 20,
            "top_p": 0.9,
            "eos_id": 42,
            "prompt_ids": None,
        }

    def test_takes_tokenizers_that_answer_with_an_encoding(self) -> None:
        class Encoding:
            ids = [97, 98]

        class HuggingFaceLike(CharTokenizer):
            def encode(self, text: str) -> Any:
                return Encoding()

        answer = LocalTransformerBackend(NextLetterModel(), HuggingFaceLike()).complete(
            "ab", max_new_tokens=1, temperature=0.0
        )
        assert answer.completion == "c"

    def test_a_prompt_that_makes_no_tokens_is_refused(self) -> None:
        class Deaf(CharTokenizer):
            def encode(self, text: str) -> list[int]:
                return []

        with pytest.raises(ValueError, match="prompt"):
            LocalTransformerBackend(NextLetterModel(), Deaf()).complete("ab")

    def test_streams_a_character_only_when_all_its_bytes_are_there(self) -> None:
        class Bytes:
            def encode(self, text: str) -> list[int]:
                return list(text.encode())

            def decode(self, ids: list[int]) -> str:
                return bytes(ids).decode("utf-8", "replace")

        spelled = list("aé🌍".encode())
        model = NextLetterModel()
        model._row = lambda last: [float(i == after.get(last)) for i in range(256)]  # type: ignore[method-assign]
        after = dict(zip(spelled, [*spelled[1:], 0], strict=True))
        backend = LocalTransformerBackend(model, Bytes())
        pieces = list(backend.stream("a", max_new_tokens=len(spelled) - 1, temperature=0.0))
        assert pieces == ["é", "🌍"]

    def test_log_likelihood_prefers_what_the_model_expects(self) -> None:
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
        assert backend.log_likelihood("ab", "cd") > backend.log_likelihood("ab", "de") > backend.log_likelihood("ab", "xy")
        assert backend.log_likelihood("ab", "cd") == pytest.approx(2 * backend.log_likelihood("ab", "c"))

    def test_log_likelihood_refuses_what_the_model_cannot_read(self) -> None:
        with pytest.raises(ValueError, match="prompt"):
            LocalTransformerBackend(NextLetterModel(), CharTokenizer()).log_likelihood("abcdef", "ghij")

    def test_does_without_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
        assert backend.complete("ab", max_new_tokens=1, temperature=0.0).completion == "c"


class TestLocalWithTorch:
    def test_a_module_gets_long_tensors_and_its_mode_back(self) -> None:
        torch = pytest.importorskip("torch")
        seen: list[Any] = []

        class Next(torch.nn.Module):  # type: ignore[misc, name-defined]
            max_seq_len = 4

            def __init__(self) -> None:
                super().__init__()
                self.scale = torch.nn.Parameter(torch.ones(1))

            def forward(self, ids: Any) -> Any:
                seen.append((tuple(ids.shape), ids.dtype, self.training, torch.is_grad_enabled()))
                return torch.nn.functional.one_hot((ids + 1) % 256, 256) * self.scale * 20

        model = Next()
        ids = generate(model, torch.tensor([97, 98]), max_new_tokens=3, temperature=0.0)
        assert ids.dtype == torch.long
        assert ids.tolist() == [97, 98, 99, 100, 101]
        assert seen[-1] == ((1, 4), torch.long, False, False)
        assert model.training

        backend = LocalTransformerBackend(model, CharTokenizer())
        assert backend.complete("ab", max_new_tokens=2, temperature=0.0).completion == "cd"
        drawn = []
        for _ in range(2):
            torch.manual_seed(3)
            drawn.append(backend.complete("ab", max_new_tokens=9, temperature=20.0).completion)
        assert drawn[0] == drawn[1]

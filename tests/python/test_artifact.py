"""What a training run left, and the model a project has settled on: which is taken, and what is said when there is none."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_services import FakeServices
from stand_ins import CharTokenizer, NextLetterModel
from tiny_models import tiny_model

from halfbyte.inference import (
    DEFAULT_ENGINE_MODEL,
    DEFAULT_PRODLM_MODEL_ID,
    PRODLM_KIND,
    PRODLM_NAME,
    ArtifactBackend,
    ArtifactError,
    EngineArtifactBackend,
    EngineBackend,
    EngineError,
    LoadedArtifact,
    OllamaBackend,
    load_artifact_backend,
    load_default_backend,
    load_prodlm_backend,
    prodlm_manifest_exists,
    register_artifact_loader,
    write_prodlm_manifest,
)
from halfbyte.inference import artifact as artifact_module
from halfbyte.inference.artifact import choose_artifact


def leave(root: Path, name: str, *, weights: str = "model.pt", **manifest: Any) -> Path:
    """An artifact on the disk; its weights are some bytes."""
    folder = root / "artifacts" / "models" / name
    folder.mkdir(parents=True)
    (folder / weights).write_bytes(b"weights")
    (folder / "manifest.json").write_text(json.dumps({"name": name, "kind": "next_letter", **manifest}))
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def next_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registered loader, and a torch that is not needed to read `weights`."""
    monkeypatch.setattr(artifact_module, "_loaders", {})
    monkeypatch.setattr(artifact_module, "_read_weights", lambda file, device: {})
    register_artifact_loader("next_letter", lambda weights, folder, config: (NextLetterModel(), CharTokenizer()))


class TestArtifactChoice:
    def test_a_family_name_takes_the_preferred_variant_that_is_there(self, tmp_path: Path) -> None:
        leave(tmp_path, "Tiny")
        assert choose_artifact("Tiny", repo_root=tmp_path)[0] == "Tiny"
        leave(tmp_path, "Tiny-SFT")
        assert choose_artifact("Tiny", repo_root=tmp_path)[0] == "Tiny-SFT"
        leave(tmp_path, "Tiny-DPO")
        assert choose_artifact("Tiny", repo_root=tmp_path)[0] == "Tiny-DPO"
        assert choose_artifact("Tiny-SFT", repo_root=tmp_path)[0] == "Tiny-SFT"
        assert choose_artifact("Tiny", repo_root=tmp_path, prefer_suffixes=("",))[0] == "Tiny"

    def test_no_name_takes_post_trained_before_base_before_baselm(self, tmp_path: Path) -> None:
        assert choose_artifact(repo_root=tmp_path)[0] is None
        leave(tmp_path, "BaseLM", rank=100)
        assert choose_artifact(repo_root=tmp_path)[0] == "BaseLM"
        leave(tmp_path, "Small", rank=10)
        leave(tmp_path, "Large", rank=40)
        assert choose_artifact(repo_root=tmp_path)[0] == "Large"
        leave(tmp_path, "Small-SFT", rank=10)
        assert choose_artifact(repo_root=tmp_path)[0] == "Small-SFT"
        leave(tmp_path, "Small-DPO", rank=10)
        leave(tmp_path, "Large-DPO", rank=40)
        assert choose_artifact(repo_root=tmp_path)[0] == "Large-DPO"

    def test_a_folder_without_weights_is_no_artifact(self, tmp_path: Path) -> None:
        (leave(tmp_path, "Tiny") / "model.pt").unlink()
        assert choose_artifact("Tiny", repo_root=tmp_path)[0] is None

    @pytest.mark.parametrize("name", ["../secrets", "a/b", "", ".hidden"])
    def test_a_name_is_a_plain_folder_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ValueError, match="artifact name"):
            load_artifact_backend(name, repo_root=tmp_path)


@pytest.mark.usefixtures("next_letter")
class TestArtifactLoading:
    def test_gives_a_backend_with_its_origin_in_the_info(self, tmp_path: Path) -> None:
        folder = leave(tmp_path, "Tiny-DPO", source="a test")
        backend = load_artifact_backend("Tiny", repo_root=tmp_path)
        assert isinstance(backend, ArtifactBackend)
        assert backend.info.name == "artifact"
        assert backend.info.model_id == "Tiny-DPO"
        assert backend.info.extra["canonical_name"] == "Tiny"
        assert backend.info.extra["source"] == "a test"
        assert backend.info.extra["artifact_dir"] == str(folder)
        assert backend.complete("ab", max_new_tokens=2, temperature=0.0).completion == "cd"

    def test_nothing_there_says_what_was_tried_or_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="Tiny-DPO, Tiny-SFT, Tiny"):
            load_artifact_backend("Tiny", repo_root=tmp_path)
        assert load_artifact_backend("Tiny", repo_root=tmp_path, required=False) is None
        assert load_artifact_backend(repo_root=tmp_path, required=False) is None

    def test_the_root_is_found_from_a_folder_below(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave(tmp_path, "Tiny")
        (tmp_path / "notebooks").mkdir()
        monkeypatch.chdir(tmp_path / "notebooks")
        backend = load_artifact_backend("Tiny")
        assert backend is not None
        assert backend.info.model_id == "Tiny"

    def test_a_kind_without_a_loader_is_refused(self, tmp_path: Path) -> None:
        leave(tmp_path, "Tiny", kind="other")
        with pytest.raises(ArtifactError, match=r"no loader for kind 'other', registered: next_letter"):
            load_artifact_backend("Tiny", repo_root=tmp_path)

    def test_a_gguf_runs_in_the_engine(self, tmp_path: Path) -> None:
        folder = leave(tmp_path, "Tiny-SFT", weights="model.gguf")
        shutil.copy(tiny_model(), folder / "model.gguf")
        backend = load_artifact_backend("Tiny", repo_root=tmp_path)
        assert isinstance(backend, EngineArtifactBackend)
        assert (backend.info.name, backend.info.model_id) == ("artifact", "Tiny-SFT")
        assert backend.info.extra["artifact_dir"] == str(folder)
        assert backend.info.extra["canonical_name"] == "Tiny"
        assert backend.complete("ab", max_new_tokens=2, temperature=0.0).completion_tokens == 2

    @pytest.mark.parametrize("weights", ["model.safetensors", "model-00001-of-00002.safetensors", "model.gguf"])
    def test_what_the_engine_does_not_read_is_refused_with_the_cause(self, tmp_path: Path, weights: str) -> None:
        folder = leave(tmp_path, "Tiny", weights=weights)
        with pytest.raises(ArtifactError, match=str(folder)) as error:
            load_artifact_backend("Tiny", repo_root=tmp_path)
        assert isinstance(error.value.__cause__, EngineError)

    @pytest.mark.parametrize("options", [{"device": "cuda"}, {"torch_dtype": "float16"}])
    def test_what_the_engine_runs_takes_no_wishes_for_torch(self, tmp_path: Path, options: dict[str, str]) -> None:
        leave(tmp_path, "Tiny", weights="model.gguf")
        with pytest.raises(ArtifactError, match="processor"):
            load_artifact_backend("Tiny", repo_root=tmp_path, **options)  # type: ignore[arg-type]

    def test_a_damaged_manifest_is_refused_by_its_path(self, tmp_path: Path) -> None:
        (leave(tmp_path, "Tiny") / "manifest.json").write_text("{")
        with pytest.raises(ArtifactError, match=r"manifest\.json") as error:
            load_artifact_backend("Tiny", repo_root=tmp_path)
        assert error.value.__cause__ is not None


class TestArtifactWeights:
    def test_without_torch_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        leave(tmp_path, "Tiny")
        monkeypatch.setattr(artifact_module, "_loaders", {"next_letter": lambda *_: None})
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ArtifactError, match="needs torch"):
            load_artifact_backend("Tiny", repo_root=tmp_path)

    def test_carry_tensors_and_nothing_that_runs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        torch = pytest.importorskip("torch")
        seen: list[Any] = []
        monkeypatch.setattr(artifact_module, "_loaders", {})

        def load(weights: Any, folder: Path, config: Any) -> tuple[Any, Any]:
            seen.append(weights)
            return NextLetterModel(), CharTokenizer()

        register_artifact_loader("next_letter", load)
        torch.save({"scale": torch.ones(2)}, leave(tmp_path, "Good") / "model.pt")
        assert load_artifact_backend("Good", repo_root=tmp_path, device="cpu") is not None
        assert seen[0]["scale"].tolist() == [1.0, 1.0]
        torch.save(NextLetterModel(), leave(tmp_path, "Evil") / "model.pt")
        with pytest.raises(ArtifactError, match=r"model\.pt"):
            load_artifact_backend("Evil", repo_root=tmp_path, device="cpu")


class TestArtifactBackend:
    def test_uses_the_tokenizers_end_token_and_the_models_vocabulary(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[str, int]] = []

        class Tokenizer(CharTokenizer):
            special_to_id = {"<|end|>": 100}

            def encode_with_vocab_size(self, text: str, vocab_size: int) -> list[int]:
                asked.append((text, vocab_size))
                return self.encode(text)

        model = NextLetterModel()
        model.vocab_size = 256  # type: ignore[attr-defined]
        artifact = LoadedArtifact("Tiny-DPO", model, Tokenizer(), Path("artifacts/models/Tiny-DPO"), {"source": "test"})
        backend = ArtifactBackend(artifact)
        answer = backend.complete("ab", max_new_tokens=9, temperature=0.0)
        assert answer.completion == "cd"
        assert answer.metadata["eos_id"] == 100
        assert asked == [("ab", 256)]
        assert backend.artifact is artifact
        assert backend.raw_tokenizer is artifact.tokenizer


class TestProdLM:
    def test_constants(self) -> None:
        assert (PRODLM_NAME, PRODLM_KIND, DEFAULT_PRODLM_MODEL_ID) == ("ProdLM", "ollama_backend", "llama3.2:3b")

    def test_the_manifest_names_the_model_and_the_server(self, tmp_path: Path) -> None:
        folder = write_prodlm_manifest(
            model_id="mistral:7b", base_url="http://test:1/", timeout=45, repo_root=tmp_path, notes="mine"
        )
        assert folder == tmp_path / "artifacts" / "models" / "ProdLM"
        config = json.loads((folder / "config.json").read_text())
        assert config == {
            "kind": "ollama_backend",
            "backend": "ollama",
            "model_id": "mistral:7b",
            "base_url": "http://test:1",
            "timeout": 45.0,
        }
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["name"], manifest["role"], manifest["notes"]) == ("ProdLM", "ProdLM", "mine")
        assert sorted(file.name for file in folder.iterdir()) == ["config.json", "manifest.json"]

    def test_is_loaded_as_written_unless_overridden(self, tmp_path: Path) -> None:
        assert not prodlm_manifest_exists(repo_root=tmp_path)
        write_prodlm_manifest(model_id="mistral:7b", base_url="http://test:1", repo_root=tmp_path)
        assert prodlm_manifest_exists(repo_root=tmp_path)
        backend = load_prodlm_backend(repo_root=tmp_path)
        assert isinstance(backend, OllamaBackend)
        assert (backend.info.name, backend.info.model_id, backend.base_url) == ("prodlm", "mistral:7b", "http://test:1")
        assert backend.info.extra["configured_name"] == "ProdLM"
        assert load_prodlm_backend(repo_root=tmp_path, model_id="other:1b").info.model_id == "other:1b"

    def test_without_a_manifest_is_the_default_or_an_error(self, tmp_path: Path) -> None:
        assert load_prodlm_backend(repo_root=tmp_path).info.model_id == DEFAULT_PRODLM_MODEL_ID
        with pytest.raises(FileNotFoundError, match=r"prodlm\.sh"):
            load_prodlm_backend(repo_root=tmp_path, required=True)

    def test_a_manifest_of_something_else_is_refused(self, tmp_path: Path) -> None:
        folder = write_prodlm_manifest(repo_root=tmp_path)
        (folder / "config.json").write_text('{"kind": "course_transformer"}')
        assert not prodlm_manifest_exists(repo_root=tmp_path)
        with pytest.raises(ValueError, match="course_transformer"):
            load_prodlm_backend(repo_root=tmp_path)

    def test_the_engine_can_be_named(self, tmp_path: Path) -> None:
        write_prodlm_manifest(backend="engine", model_id=str(tiny_model()), repo_root=tmp_path)
        assert prodlm_manifest_exists(repo_root=tmp_path)
        backend = load_prodlm_backend(repo_root=tmp_path)
        assert isinstance(backend, EngineBackend)
        assert (backend.info.name, backend.info.extra["configured_name"]) == ("prodlm", "ProdLM")
        assert backend.complete("hi", max_new_tokens=2).completion
        with pytest.raises(ValueError, match="base_url"):
            load_prodlm_backend(repo_root=tmp_path, base_url="http://test:1")

    def test_a_write_that_fails_leaves_the_old_manifest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = write_prodlm_manifest(model_id="old:1b", repo_root=tmp_path)
        before = {file.name: file.read_bytes() for file in folder.iterdir()}

        def full(descriptor: int) -> None:
            raise OSError("no space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            write_prodlm_manifest(model_id="new:1b", repo_root=tmp_path)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


@pytest.fixture
def silent_url(services: FakeServices) -> str:
    """Where a server has been."""
    url = services.ollama_url
    services.shutdown()
    services.server_close()
    return url


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of fetched models, empty, and nothing in the other places where models may be."""
    for name in ("HALFBYTE_MODELS", "OLLAMA_MODELS", "HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "HALFBYTE_MODELS"
    folder.mkdir()
    return folder


@pytest.mark.usefixtures("next_letter")
class TestDefaultBackend:
    def test_the_manifest_comes_first(self, tmp_path: Path) -> None:
        leave(tmp_path, "Tiny-DPO")
        write_prodlm_manifest(model_id="mistral:7b", repo_root=tmp_path)
        backend = load_default_backend(repo_root=tmp_path)
        assert backend.info.model_id == "mistral:7b"
        assert backend.info.extra["passed_over"] == {}

    def test_then_the_strongest_artifact(self, tmp_path: Path) -> None:
        leave(tmp_path, "Tiny-DPO")
        backend = load_default_backend(repo_root=tmp_path)
        assert backend.info.model_id == "Tiny-DPO"
        assert "no ProdLM manifest" in backend.info.extra["passed_over"]["prodlm"]

    def test_then_a_server_that_answers(self, tmp_path: Path, services: FakeServices) -> None:
        write_prodlm_manifest(backend="engine", model_id=str(tmp_path / "gone.gguf"), repo_root=tmp_path)
        backend = load_default_backend(repo_root=tmp_path, base_url=services.ollama_url)
        assert isinstance(backend, OllamaBackend)
        assert backend.info.model_id == DEFAULT_PRODLM_MODEL_ID
        assert "gone.gguf" in backend.info.extra["passed_over"]["prodlm"]
        assert "no model artifact" in backend.info.extra["passed_over"]["artifact"]

    def test_then_the_default_model_in_process(self, tmp_path: Path, silent_url: str, models: Path) -> None:
        shutil.copy(tiny_model(), models / "smollm2-135m.gguf")
        backend = load_default_backend(repo_root=tmp_path, base_url=silent_url)
        assert isinstance(backend, EngineBackend)
        assert backend.info.model_id == DEFAULT_ENGINE_MODEL
        assert list(backend.info.extra["passed_over"]) == ["prodlm", "artifact", "server"]

    def test_a_wrong_variable_is_a_reason_and_a_wrong_argument_an_error(
        self, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copy(tiny_model(), models / "smollm2-135m.gguf")
        monkeypatch.setenv("OLLAMA_HOST", "joe:s3cret@here:x")
        told = load_default_backend(repo_root=tmp_path).info.extra["passed_over"]["server"]
        assert told.startswith("OLLAMA_HOST: address ")
        assert "s3cret" not in told
        with pytest.raises(ValueError, match="base_url: address 'here'"):
            load_default_backend(repo_root=tmp_path, base_url="here")

    @pytest.mark.usefixtures("models")
    def test_nothing_says_why_each_was_passed_over(self, tmp_path: Path, silent_url: str) -> None:
        with pytest.raises(
            FileNotFoundError, match=r"no ProdLM manifest.*no model artifact.*Could not reach Ollama.*smollm2:135m"
        ):
            load_default_backend(repo_root=tmp_path, base_url=silent_url)

    def test_one_kind_can_be_asked_for(self, tmp_path: Path) -> None:
        assert load_default_backend("prodlm", repo_root=tmp_path).info.name == "prodlm"
        with pytest.raises(FileNotFoundError):
            load_default_backend("artifact", repo_root=tmp_path)
        with pytest.raises(ValueError, match="kind"):
            load_default_backend("engine", repo_root=tmp_path)  # type: ignore[arg-type]

"""A prepared model is checked against its manifest: any damage to it is named."""

import hashlib
from pathlib import Path

import pytest

from inference.engines import model_prepare
from inference.engines.depth_tiers import exit_file
from inference.engines.model_manifest import (
    MANIFEST_NAME,
    Manifest,
    damaged_files,
    manifest_of,
    read_manifest,
    write_manifest,
)


def manifest_in(directory: Path) -> Manifest:
    manifest = read_manifest(directory)
    assert manifest is not None
    return manifest


def revision_of(directory: Path) -> str:
    return manifest_of(directory, model_id="m", source="s", precision="bfloat16").revision


@pytest.fixture
def model(tmp_path):
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "model.safetensors").write_bytes(b"weights")
    (directory / "tokenizer.json").write_bytes(b"{}")
    (directory / "config.json").write_bytes(b'{"a": 1}')
    manifest = manifest_of(directory, model_id="m", source="pkg==1/file", precision="bfloat16")
    write_manifest(directory, manifest)
    return directory


def test_manifest_lists_every_file_and_reads_back_equal(model):
    manifest = manifest_in(model)
    assert sorted(manifest.files) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert manifest.files["model.safetensors"].sha256 == hashlib.sha256(b"weights").hexdigest()
    assert manifest.files["model.safetensors"].size == 7
    assert manifest == manifest_of(model, model_id="m", source="pkg==1/file", precision="bfloat16")
    assert damaged_files(model, manifest) == []


def test_revision_follows_weights_and_tokenizer_but_not_the_config(model):
    before = manifest_in(model).revision
    (model / "config.json").write_bytes(b'{"a": 2}')
    assert revision_of(model) == before
    (model / "tokenizer.json").write_bytes(b"[]")
    assert revision_of(model) != before


def test_changed_truncated_and_missing_files_are_named(model):
    manifest = manifest_in(model)
    (model / "config.json").write_bytes(b'{"a": 2}')
    (model / "model.safetensors").write_bytes(b"weight")
    (model / "tokenizer.json").unlink()
    assert damaged_files(model, manifest) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_the_exits_of_a_models_tiers_are_part_of_its_revision(model):
    def revision() -> str:
        return manifest_of(model, model_id="m", source="s", precision="bfloat16").revision

    plain = revision()
    (model / exit_file(10)).write_bytes(b"weights")
    tiered = revision()
    (model / exit_file(10)).write_bytes(b"others")
    assert len({plain, tiered, revision()}) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {}}', '{"files": {"a": {}}}'])
def test_an_unreadable_manifest_counts_as_none(model, text):
    (model / MANIFEST_NAME).write_text(text)
    assert read_manifest(model) is None


@pytest.fixture
def builder(monkeypatch):
    """Replace the unpacking (torch) by a few bytes; returns how often it was called."""
    calls = []

    def write_checkpoint(directory, say):
        calls.append(directory)
        for name in ("model.safetensors", "tokenizer.json"):
            (directory / name).write_bytes(name.encode())

    monkeypatch.setattr(model_prepare, "_write_checkpoint", write_checkpoint)
    monkeypatch.setattr(model_prepare, "source", lambda: "pkg==1/file")
    return calls


def test_prepare_builds_once_and_again_after_damage(tmp_path, builder):
    out = tmp_path / "models" / "m"
    lines: list[str] = []
    first = model_prepare.prepare(out, lines.append)
    assert model_prepare.prepare(out, lines.append) == first
    assert len(builder) == 1
    (out / "tokenizer.json").write_bytes(b"damaged")
    assert model_prepare.prepare(out, lines.append) == first
    assert len(builder) == 2
    assert (out / "tokenizer.json").read_bytes() == b"tokenizer.json"
    assert any("damaged (tokenizer.json)" in line for line in lines)


def test_another_source_asks_for_a_new_build(tmp_path, builder, monkeypatch):
    out = tmp_path / "m"
    model_prepare.prepare(out, lambda _line: None)
    monkeypatch.setattr(model_prepare, "source", lambda: "pkg==2/file")
    assert model_prepare.prepare(out, lambda _line: None).source == "pkg==2/file"
    assert len(builder) == 2


def test_a_failed_build_leaves_no_model_and_a_killed_ones_leftover_goes(tmp_path, builder, monkeypatch):
    out = tmp_path / "m"
    leftover = tmp_path / ".m-killed"
    leftover.mkdir()
    good = model_prepare._write_checkpoint

    def fail(directory, say):
        good(directory, say)
        raise OSError("disk full")

    monkeypatch.setattr(model_prepare, "_write_checkpoint", fail)
    with pytest.raises(OSError, match="disk full"):
        model_prepare.prepare(out, lambda _line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["m.lock"]

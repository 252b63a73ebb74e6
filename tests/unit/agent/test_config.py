"""The operator's settings: a file, overridden by the command line; what is wrong is named."""

from pathlib import Path

import pytest

from agent.config import Config, ConfigError, EngineConfig, load


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def test_the_command_line_overrides_the_file_and_the_file_the_defaults(tmp_path):
    path = write(
        tmp_path,
        'exchange = "https://cux.example"\nslots = 16\n[engine]\ndevice = "cuda"\nmodel_path = "/models/m"\n',
    )
    config = load(path, {"slots": 4, "model": None}, {"model_path": None, "python": "/v/python"})
    assert config == Config(
        exchange="https://cux.example",
        slots=4,
        engine=(EngineConfig(device="cuda", model_path="/models/m", python="/v/python"),),
    )


def test_without_a_file_the_defaults_hold():
    assert load(None, {}, {}) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slots = ", "is not TOML"),
        ("slotz = 3", "slotz"),
        ('slots = "3"', "slots"),
        ("slots = 0", "slots must be at least 1, was 0"),
        ('exchange = "ftp://x"', "exchange must be an http"),
        ("claim_wait_s = 61", "claim_wait_s must be within 0 and 60, was 61"),
        ('[engine]\ndevice = "tpu"', "device"),
        ("engine = 3", "engine"),
        ("engine = []", "give one at least"),
        ("[engine]\ngpus = [0]", "are for device"),
        ('[engine]\ndevice = "cuda"\ngpus = [0]\ntensor_parallel = 2', "tensor_parallel is 2 with 1 GPUs"),
        ("[engine]\nslots = -1", "slots of an engine must not be negative"),
        ("[engine]\nlayers = -1", "layers must not be negative"),
        ('[engine.speculation]\nmethod = "eagle"', "method"),
        ('[engine.speculation]\nmethod = "draft"', "draft_model_path goes with"),
        ('[engine.speculation]\nmethod = "ngram"\ndraft_model_path = "/m"', "draft_model_path goes with"),
        ("[engine.speculation]\nngram_least = 5", "ngram_least is more than ngram_most"),
    ],
)
def test_settings_that_can_not_be_are_refused_by_name(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(write(tmp_path, text), {}, {})


TWO = """
slots = 8
[[engine]]
name = "big"
model = "llama-70b"
device = "cuda"
gpus = [0, 1, 2, 3]
[[engine]]
model = "smollm2-135m-instruct"
device = "cuda"
gpus = [4, 5]
tensor_parallel = 1
slots = 64
"""


def test_several_engines_have_models_gpus_and_slots_of_their_own(tmp_path):
    big, small = load(write(tmp_path, TWO), {}, {}).engine
    assert (big.name, big.model, big.gpus, big.tensor_parallel_size, big.slots) == (
        "big",
        "llama-70b",
        (0, 1, 2, 3),
        4,
        0,
    )
    assert (small.tensor_parallel_size, small.slots) == (1, 64)


def test_options_of_the_command_line_do_not_say_which_of_several_engines_they_mean(tmp_path):
    with pytest.raises(ConfigError, match="several engines: set device in the file"):
        load(write(tmp_path, TWO), {}, {"device": "cpu", "url": None})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml", {}, {})


def test_threads_are_half_of_the_cores_unless_set(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(6)))
    assert EngineConfig().compute_threads == 3
    assert EngineConfig(threads=5).compute_threads == 5
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    assert EngineConfig().compute_threads == 1

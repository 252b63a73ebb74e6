"""Training, on a tiny network: it goes on as if it had never stopped, the branches of an example stand alone,
and what is merged answers as what was trained."""

import json

import pytest

from tests.e2e.tier_lab import MODEL, engine_python

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

TINY = """
import shutil, sys
from pathlib import Path
import torch
from transformers import LlamaConfig, LlamaForCausalLM
out, model = Path(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(0)
config = LlamaConfig(
    hidden_size=32, intermediate_size=48, num_hidden_layers=30, num_attention_heads=2, num_key_value_heads=1,
    vocab_size=49152, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2,
)
LlamaForCausalLM(config).bfloat16().save_pretrained(out)
for name in ("tokenizer.json", "chat_template.jinja"):
    shutil.copyfile(model / name, out / name)
"""
SAME = """
import json, sys, torch
first, second = (torch.load(path, weights_only=True) for path in sys.argv[1:])
same = [bool((value == second["trained"][name]).all()) for name, value in first["trained"].items()]
print(json.dumps([first["step"], second["step"], len(same), all(same)]))
"""
ALONE = """
import json, sys, torch
from pathlib import Path
from random import Random
from tokenizers import Tokenizer
from inference.training.examples import DIRECT, IGNORED, PROMPT, THOUGHT, batch_of, example_of
from inference.training.families import all_families
from inference.training.network import Reasoner
from inference.training.merge import read_adapter
from inference.training.truncated import truncated
base, checkpoint, merged = map(Path, sys.argv[1:])
tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
questions = [family.question(Random(2), 2) for family in all_families().values()][:4]
examples = [example_of(question, encode) for question in questions]
batch = batch_of([examples[:2], examples[2:]], 192)
network = Reasoner(base, seed=5)
network.load_trained(read_adapter(checkpoint))
places = batch.targets != IGNORED
states = network(batch, places)
worst = {}
for depth, state in states.items():
    table = network.unembedding.float()
    packed = state.float() @ table.T
    tier = truncated(merged, depth)
    apart = []
    for example in examples:
        for branch in (DIRECT, THOUGHT):
            own = [place for place, of in enumerate(example.branches) if of in (PROMPT, branch)]
            logits = tier(torch.tensor([[example.ids[place] for place in own]])).logits[0]
            taught = [at for at, place in enumerate(own) if example.targets[place] != IGNORED]
            apart.append(logits[taught])
    worst[depth] = [float((packed - torch.cat(apart)).abs().max()), float(packed.std())]
print(json.dumps(worst))
"""


def test_a_run_that_stopped_goes_on_as_if_it_had_not(tmp_path):
    base, whole, parts = (tmp_path / name for name in ("base", "whole", "parts"))
    engine_python("-c", TINY, str(base), str(MODEL))
    train = ("-m", "inference.training.train", "--model", str(base), "--steps", "2", "--rate", "0.02")
    engine_python(*train, "--lens-rate", "0.02", "--out", str(whole))
    for _ in range(2):
        engine_python(*train, "--lens-rate", "0.02", "--out", str(parts), "--resume", "--minutes", "0")
    checkpoints = [str(run / "checkpoint.pt") for run in (whole, parts)]
    assert json.loads(engine_python("-c", SAME, *checkpoints)) == [2, 2, 424, True]
    merged = tmp_path / "merged"
    engine_python(
        *("-m", "inference.training.merge", "--model", str(base), "--adapter", checkpoints[0]),
        *("--out", str(merged)),
    )
    found = json.loads(engine_python("-c", ALONE, str(base), checkpoints[0], str(merged)))
    assert list(found) == ["10", "20", "30"]
    for difference, spread in found.values():
        assert difference < 0.1 * spread  # bfloat16 against float32

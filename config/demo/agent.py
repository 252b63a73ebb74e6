"""`python -m config.demo.agent NAME`: become the agent of a seeded provider.

The agent knows nothing of this exchange's data; what it needs is handed over as any operator would:
its options, or a file of settings where it has several engines, and once the single-use token. It starts
vLLM, unless CUX_DEMO_ENGINE_URL says where one runs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from config.processes import ROOT, Place

ENGINE_PYTHON: Final = str(ROOT / ".venv-engine" / "bin" / "python")
LADDER_SETTINGS: Final = {"slots": 2, "measure_s": 2}
LADDER_ENGINE: Final = {"python": ENGINE_PYTHON, "kv_cache_mib": 128}
"""Three engines share what the main job's leave of a small host."""
LADDER_OFFERS: Final = (
    ("instrument", {"floor_ticks": 1_500, "ask_ticks": 2_000, "busy_ticks": 2_500, "most_lots": 500}),
    ("idle_instrument", {"floor_ticks": 900, "most_lots": 200}),
)


def main(name: str) -> None:
    """Replace this process by the agent of this provider."""
    place = Place.from_environment()
    facts = json.loads((place.var / "demo.json").read_text())
    ladder = facts.get("ladder", {"providers": {}})
    if name in ladder["providers"]:
        provider = ladder["providers"][name]
        os.environ["CUX_AGENT_TRADING_KEY"] = provider["api_key"]
        options = {"--config": str(_written(place, name, ladder))}
    else:
        provider = facts["providers"][name]
        options = _of_one_engine(place, name, facts["model"])
    os.environ["CUX_AGENT_TOKEN"] = provider["enrol_token"]
    words = [word for option in options.items() for word in option]
    os.execv(sys.executable, [sys.executable, "-m", "agent", "run", *words])  # noqa: S606


def _of_one_engine(place: Place, name: str, model: str) -> dict[str, str]:
    options = {
        "--exchange": os.environ["CUX_EXCHANGE_URL"],
        "--state": str(place.agent_state(name)),
        "--model": model,
    }
    if running := os.environ.get("CUX_DEMO_ENGINE_URL"):
        return options | {"--engine-url": running}
    return options | {
        "--model-path": str(place.var / "models" / model),
        "--engine-python": ENGINE_PYTHON,
    }


def _written(place: Place, name: str, ladder: dict[str, Any]) -> Path:
    state = place.agent_state(name)
    path = state.with_suffix(".toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ladder_settings(ladder, exchange=os.environ["CUX_EXCHANGE_URL"], state=state))
    return path


def ladder_settings(ladder: dict[str, Any], *, exchange: str, state: Path) -> str:
    """Return the settings file of the agent that serves a model and its depth tiers, and offers them.

    `ladder` is what the seed wrote: the model's directory, how many layers each name has (0: all), and the
    instruments.
    """
    tables: list[tuple[str, dict[str, Any]]] = [
        ("", {"exchange": exchange, "state": str(state), **LADDER_SETTINGS}),
        *(
            (
                "[[engine]]",
                {"model": model, "model_path": ladder["directory"], "layers": layers, **LADDER_ENGINE},
            )
            for model, layers in ladder["layers"].items()
        ),
        *(
            ("[[pricing.offer]]", {"instrument": ladder[instrument], **policy})
            for instrument, policy in LADDER_OFFERS
        ),
    ]
    # JSON's strings and numbers are TOML's.
    lines = [
        [head, *(f"{key} = {json.dumps(value)}" for key, value in table.items())] for head, table in tables
    ]
    return "\n".join(line for block in lines for line in block) + "\n"


if __name__ == "__main__":
    main(sys.argv[1])

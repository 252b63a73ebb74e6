"""`python -m config.demo.agent NAME`: become the agent of a seeded provider.

The agent knows nothing of this exchange's data; what it needs is handed over as any operator would:
its options, and once the single-use token. It starts vLLM, unless CUX_DEMO_ENGINE_URL says where one runs.
"""

import json
import os
import sys

from config.processes import ROOT, Place


def main(name: str) -> None:
    """Replace this process by the agent of this provider."""
    place = Place.from_environment()
    facts = json.loads((place.var / "demo.json").read_text())
    os.environ["CUX_AGENT_TOKEN"] = facts["providers"][name]["enrol_token"]
    options = {
        "--exchange": os.environ["CUX_EXCHANGE_URL"],
        "--state": str(place.agent_state(name)),
        "--model": facts["model"],
    }
    if running := os.environ.get("CUX_DEMO_ENGINE_URL"):
        options["--engine-url"] = running
    else:
        options["--model-path"] = str(place.var / "models" / facts["model"])
        options["--engine-python"] = str(ROOT / ".venv-engine" / "bin" / "python")
    words = [word for option in options.items() for word in option]
    os.execv(sys.executable, [sys.executable, "-m", "agent", "run", *words])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1])

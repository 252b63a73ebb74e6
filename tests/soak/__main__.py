"""Run or continue the soak: `python -m tests.soak [--minutes 30] [--only PART [--anew]]`.

Long tests in units, each checked by itself (`PARTS` in `tests/soak/run.py`). It stops when the minutes are
over and goes on where it was at the next call. What it finds is written to `docs/soak.json` after every unit,
each part with its commit: a part that passed stands until `--anew`; one that did not begins anew at another
commit. The servers' data lie in `var/soak`. Exits 1 if a check failed.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = Path(os.environ.get("CUX_VAR", ROOT / "var")) / "soak"


def main() -> int:
    """Set the scene for `tests.soak.run` and run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="of this piece")
    parser.add_argument("--only", help="go on with the part of this name alone")
    parser.add_argument("--anew", action="store_true", help="forget what was found, also if it passed")
    parser.add_argument("--result", type=Path, default=ROOT / "docs" / "soak.json")
    options = parser.parse_args()
    os.environ["CUX_TEST_VAR"] = str(VAR)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ.setdefault("CUX_LOG_LEVEL", "CRITICAL")  # faults are made on purpose; findings raise

    import django

    import tests.environment  # noqa: F401 - it says where the data are, before Django starts

    django.setup()
    from tests.soak.run import Soak

    soak = Soak(result_path=options.result, only=options.only, anew=options.anew)
    return soak.run(minutes=options.minutes)


if __name__ == "__main__":
    sys.exit(main())

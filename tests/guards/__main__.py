"""`python -m tests.guards`: remove every guard in turn and say which of them stands alone; exit 1 if one does not.

With --write the list of the guards that must be there is written anew: run it after adding or removing one.
Needs the server of `make demo`, or DATABASE_OWNER_URL of a superuser; everything is rolled back.
"""

import argparse
import sys

import psycopg

from core.embedded.postgres import Postgres
from tests.guards.catalogue import LISTED, guards, listed
from tests.guards.probes import fault


def main() -> int:
    """Do what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write tests/guards/listed.txt")
    parser.add_argument("words", nargs="*", help="only guards with one of these words")
    options = parser.parse_args()
    with psycopg.connect(Postgres().role_url("postgres")) as session, session.cursor() as cursor:
        found = sorted(guards(cursor))
        if options.write:
            LISTED.write_text("".join(f"{guard}\n" for guard in found))
        faults = 0
        for guard in found:
            if options.words and not any(word in str(guard) for word in options.words):
                continue
            said = fault(cursor, guard)
            faults += said is not None
            print(said or f"{guard}: stands", flush=True)
        session.rollback()
    missing = listed() ^ {str(guard) for guard in found}
    print(*(f"{line}: listed and not there, or there and not listed" for line in sorted(missing)), sep="\n")
    return 1 if faults or missing else 0


if __name__ == "__main__":
    sys.exit(main())

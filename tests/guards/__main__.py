"""`python -m tests.guards`: remove every guard in turn, and say of each that it stands, or what is wrong.

Exit 1 if anything is. With --write the lists of the guards that must be there (`listed.txt`) and of their
definitions (`core/guards.txt`) are written anew: run it after adding, changing or removing one. With --locks
the locks are taken out of the code in turn, and the test of each (which `races.py` names) must fail. A
database server of its own is started below var/guards.
"""

import argparse
import os
import sys

os.environ["CUX_TEST_VAR"] = "var/guards"

import django
import psycopg

from tests.environment import VAR  # sets where the data are, before Django reads it

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from django.core.management import call_command

from core.embedded.postgres import Postgres
from tests.guards.catalogue import LISTED, Cursor, Sort, guards, listed
from tests.guards.definitions import definitions_write
from tests.guards.locks import locks
from tests.guards.mutants import without_locks
from tests.guards.probes import fault
from tests.guards.races import RACES


def main() -> int:
    """Do what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.guards", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--write", action="store_true", help="write listed.txt and core/guards.txt")
    parser.add_argument("words", nargs="*", help="only guards with one of these words")
    parser.add_argument("--locks", action="store_true", help="take locks out instead, and run their tests")
    options = parser.parse_args()
    if options.locks:
        return int(judge_locks(options.words))
    return int(judge_guards(options.words, write=options.write))


def judge_locks(words: list[str]) -> bool:
    """Run the tests of the locks with one of these words; tell if one has none, or one that is wrong."""
    wanted = sorted(guard for guard in listed() if f"  {Sort.LOCK}  " in guard and chosen(guard, words))
    tested = [lock for lock in wanted if lock in RACES]
    for lock in sorted(set(wanted) - RACES.keys()):
        print(f"{lock}: tests/guards/races.py names no test", flush=True)
    return without_locks(tested) or tested != wanted


def judge_guards(words: list[str], *, write: bool) -> bool:
    """Remove the guards of the database with one of these words; tell if one is wrong."""
    server = Postgres(VAR)
    server.start()
    try:
        if write:
            definitions_write(server)
        call_command("migrate", database="owner", verbosity=0)
        with psycopg.connect(server.role_url("postgres")) as session, session.cursor() as cursor:
            wrong = judge(cursor, words, write=write)
            session.rollback()
    finally:
        server.stop()
    return wrong


def judge(cursor: Cursor, words: list[str], *, write: bool) -> bool:
    """Print a line for each guard with one of these words (all if there are none); tell if one is wrong."""
    tried = guards(cursor)
    there = sorted(tried | locks(cursor))
    if write:
        LISTED.write_text("".join(f"{guard}\n" for guard in there))
    wrong = False
    for guard in sorted(tried):
        if chosen(str(guard), words):
            said = fault(cursor, guard)
            wrong = wrong or said is not None
            print(said or f"{guard}: stands", flush=True)
    for line in sorted(listed() ^ {str(guard) for guard in there}):
        wrong = True
        print(f"{line}: listed and not there, or there and not listed")
    return wrong


def chosen(guard: str, words: list[str]) -> bool:
    """Tell whether a guard has one of these words, if there are any."""
    return any(word in guard for word in words or [""])


if __name__ == "__main__":
    sys.exit(main())

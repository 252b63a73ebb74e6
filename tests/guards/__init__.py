"""Every guard of the database, removed in turn: what it alone refuses must then be let through.

`catalogue` lists the guards there are, `listed.txt` those that must be (so that one which goes missing is
noticed), `rows` finds rows that satisfy every CHECK of a table or break just one, `probes` tries each guard
with it and without it, in a transaction that is rolled back. Locks that the code takes have tests of their
own (`races`): `removal` takes a lock out of the running code, `mutants` runs its test with it and without it.
"""

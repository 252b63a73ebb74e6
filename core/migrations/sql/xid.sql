-- Which transaction wrote a row: what seals and checkpoints cut at (never at max(id)).
--
-- The number is PostgreSQL's own 64-bit transaction id above a base. The base is 0 until the database is
-- restored into a cluster that counts from a lower number: then `core.backup.rebase_transactions` lifts it, so that the
-- numbers never fall. It is a constant in a function, which the planner folds away.
CREATE FUNCTION core_xid_base() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 0::bigint;

-- The number of this transaction (its savepoints included).
CREATE FUNCTION core_xid() RETURNS bigint
    LANGUAGE sql STABLE RETURN pg_current_xact_id()::text::bigint + core_xid_base();

-- Every transaction below this number has ended, and what it committed is seen by this snapshot.
CREATE FUNCTION core_xid_horizon() RETURNS bigint
    LANGUAGE sql STABLE RETURN pg_snapshot_xmin(pg_current_snapshot())::text::bigint + core_xid_base();

-- A row may only name the transaction that inserts it: a trigger `BEFORE INSERT … WHEN (new.xid <> core_xid())`.
CREATE FUNCTION core_refuse_xid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE SQLSTATE 'CX004' USING MESSAGE =
        'a row of ' || TG_TABLE_NAME || ' names its own transaction, not ' || coalesce(new.xid::text, 'none');
END $$;

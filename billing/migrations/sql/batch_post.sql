-- Post a batch of items, each as a whole or not at all: one round trip, one transaction, one outcome each.
--
-- The outcome is what posting the items one after the other, in their order, would have given; so an item
-- sees what those before it did, and nothing of those that were refused. It is decided in memory, under the
-- locks: every balance row is locked once, in one order, then read; items are applied to these copies in
-- turn, and one that breaks a rule is taken back; what stands at the end is written set by set.
--
-- Lock order: rows of new accounts, balance rows by id, keys of entries, ids of holds. What another session
-- posts under the same key on the same accounts is therefore finished before keys are looked up. Where a key
-- is used on other accounts at the same moment, its unique index refuses the batch (23505), and the batch
-- has to run again.
--
-- Accounts are meant by their position in `account_ids`, where those with a limit (a floor) come first, by id;
-- so what is read in the order of locking lies at their positions, and beyond it, NULL, there is no limit.
-- Holds are meant by their position in `hold_ids`, items by theirs in `entry_keys` (NULL: an item without an
-- entry); legs, placements and steps come in the order of their items.
-- `next_same_key` gives the next item with the same key (0: none), or is empty when all keys differ.
-- Outcomes: posted, replayed, or the code of a refusal (core.errors), in lower case.
CREATE FUNCTION billing_batch_post(
    account_ids uuid[], account_kinds text[], account_assets text[],
    account_organisations uuid[], account_entitlements uuid[], account_floors bigint[],
    entry_ids uuid[], entry_keys text[], entry_digests bytea[],
    entry_kinds text[], entry_refs text[], entry_events timestamptz[], next_same_key int[],
    leg_items int[], leg_numbers int[], leg_debits int[], leg_credits int[], leg_amounts bigint[],
    hold_ids uuid[],
    placement_items int[], placement_holds int[], placement_accounts int[], placement_amounts bigint[],
    placement_kinds text[], placement_refs text[], placement_expiries timestamptz[],
    step_items int[], step_holds int[], step_captures bigint[], step_releases bigint[],
    booked timestamptz
) RETURNS text[] LANGUAGE plpgsql
-- One plan for any size of batch, and by indexes: planning anew costs a single post more than running it, and
-- a plan made while a table was small must not read all of it when it has grown.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
    largest CONSTANT numeric := 9223372036854775807;
    db_now timestamptz;
    ids uuid[] := account_ids;
    -- by account; NULL where there is no limit
    posted numeric[];
    held numeric[];
    floors numeric[];
    taken numeric[];  -- captured by the item at hand, less what its legs take away
    before_posted numeric[];
    before_held numeric[];
    balance billing_balance;
    limited int;  -- how many of the accounts given have a limit
    holding boolean;  -- whether anything is held on any account
    -- by item
    known bytea[];  -- the digest that the key was posted with before
    outcomes text[] := array_fill('posted'::text, ARRAY[cardinality(entry_keys)]);
    outcome text;
    refused boolean := false;
    changed boolean;
    something boolean := false;
    -- by hold
    hold_accounts int[];
    hold_placed bigint[];
    hold_kinds text[];
    hold_refs text[];
    hold_expired boolean[];
    hold_left bigint[];
    hold_captured bigint[];
    hold_released bigint[];
    hold_makers int[];  -- the placement of this batch that made it
    idle_steps boolean[];  -- releases of what expiry had released already
    leg int := 1;
    placement int := 1;
    step int := 1;
    first_leg int;
    first_placement int;
    first_step int;
    account int;
    hold int;
    amount bigint;
BEGIN
    limited := cardinality(array_remove(account_floors, NULL));
    IF cardinality(step_items) > 0 THEN
        ids := ids || ARRAY(SELECT DISTINCT h.account_id FROM billing_hold h
                            WHERE h.id = ANY (hold_ids) AND h.account_id <> ALL (account_ids));
        IF cardinality(ids) > cardinality(account_ids) THEN  -- in one order with the others, read below
            PERFORM FROM billing_balance b WHERE b.account_id = ANY (ids)
            ORDER BY b.account_id FOR NO KEY UPDATE;
        END IF;
    END IF;
    LOOP
        SELECT array_agg(l.posted), array_agg(l.held), array_agg(l.floor), coalesce(bool_or(l.held > 0), false)
        INTO posted, held, floors, holding
        FROM (
            SELECT b.posted, b.held, b.floor FROM billing_balance b
            WHERE b.account_id = ANY (account_ids) ORDER BY b.account_id FOR NO KEY UPDATE
        ) l;
        EXIT WHEN coalesce(cardinality(posted), 0) = limited AND (
            limited = cardinality(account_ids)
            -- A LIMIT is never turned into a join, so this stays one probe for each account.
            OR NOT EXISTS (SELECT FROM unnest(account_ids[limited + 1 :]) AS a (id) WHERE
                (SELECT true FROM billing_account k WHERE k.id = a.id LIMIT 1) IS NULL));
        PERFORM billing_accounts_ensure(account_ids, account_kinds, account_assets,
                                        account_organisations, account_entitlements, account_floors);
    END LOOP;
    FOR extra IN cardinality(account_ids) + 1 .. cardinality(ids) LOOP
        SELECT * INTO balance FROM billing_balance b WHERE b.account_id = ids[extra];
        posted[extra] := balance.posted;
        held[extra] := balance.held;
        floors[extra] := balance.floor;
        holding := true;
    END LOOP;
    before_posted := posted;
    before_held := held;
    db_now := clock_timestamp();

    IF holding THEN  -- what has expired by now is free, whether or not a sweep came by
        FOR account, amount IN
            WITH freed AS (
                UPDATE billing_hold h SET released = h.placed - h.captured, ended_at = booked
                WHERE h.account_id = ANY (ids) AND h.ended_at IS NULL AND h.expires_at <= db_now
                RETURNING h.account_id, new.released - old.released AS amount
            )
            SELECT a.position, f.amount FROM freed f
            JOIN unnest(ids) WITH ORDINALITY AS a (id, position) ON a.id = f.account_id
        LOOP
            held[account] := held[account] - amount;
            something := true;
        END LOOP;
    END IF;

    IF cardinality(entry_keys) = 1 THEN  -- for less than half of what the way for many costs
        SELECT ARRAY[x.body_sha256] INTO known FROM billing_entry x WHERE x.key = entry_keys[1];
    ELSE
        SELECT array_agg(k.body_sha256 ORDER BY e.position) INTO known
        FROM unnest(entry_keys) WITH ORDINALITY AS e (key, position)
        LEFT JOIN LATERAL (SELECT x.body_sha256 FROM billing_entry x WHERE x.key = e.key LIMIT 1) k ON true;
    END IF;

    IF cardinality(hold_ids) > 0 THEN
        SELECT array_agg(a.position ORDER BY w.position), array_agg(h.placed ORDER BY w.position),
               array_agg(h.kind ORDER BY w.position), array_agg(h.ref ORDER BY w.position),
               array_agg(h.expires_at <= db_now ORDER BY w.position),
               array_agg(h.placed - h.captured - h.released ORDER BY w.position)
        INTO hold_accounts, hold_placed, hold_kinds, hold_refs, hold_expired, hold_left
        FROM unnest(hold_ids) WITH ORDINALITY AS w (id, position)
        LEFT JOIN LATERAL (SELECT * FROM billing_hold x WHERE x.id = w.id LIMIT 1) h ON true
        LEFT JOIN unnest(ids) WITH ORDINALITY AS a (id, position) ON a.id = h.account_id;
        hold_captured := array_fill(0::bigint, ARRAY[cardinality(hold_ids)]);
        hold_released := hold_captured;
        hold_makers := array_fill(0, ARRAY[cardinality(hold_ids)]);
        taken := array_fill(NULL::numeric, ARRAY[cardinality(ids)]);
    END IF;

    FOR item IN 1 .. cardinality(entry_keys) LOOP
        first_leg := leg;
        first_placement := placement;
        first_step := step;
        changed := false;
        outcome := CASE WHEN known[item] IS NULL THEN 'posted'
                        WHEN known[item] = entry_digests[item] THEN 'replayed'
                        ELSE 'idempotency_key_reused' END;

        -- Apply, up to the first thing that is refused.
        WHILE outcome = 'posted' AND placement_items[placement] = item LOOP
            hold := placement_holds[placement];
            account := placement_accounts[placement];
            IF hold_placed[hold] IS NULL THEN
                hold_accounts[hold] := account;
                hold_placed[hold] := placement_amounts[placement];
                hold_kinds[hold] := placement_kinds[placement];
                hold_refs[hold] := placement_refs[placement];
                hold_expired[hold] := placement_expiries[placement] <= db_now;
                hold_left[hold] := placement_amounts[placement];
                hold_makers[hold] := placement;
                held[account] := held[account] + placement_amounts[placement];
                changed := true;
            ELSIF (hold_accounts[hold], hold_placed[hold], hold_kinds[hold], hold_refs[hold])
                IS DISTINCT FROM (account, placement_amounts[placement],
                                  placement_kinds[placement], placement_refs[placement])
            THEN
                outcome := 'idempotency_key_reused';
                EXIT;
            END IF;
            placement := placement + 1;
        END LOOP;
        WHILE outcome = 'posted' AND step_items[step] = item LOOP
            hold := step_holds[step];
            amount := step_captures[step] + step_releases[step];
            changed := true;
            IF hold_expired[hold] AND step_captures[step] > 0 THEN
                outcome := 'hold_expired';
                EXIT;
            ELSIF hold_expired[hold] AND hold_left[hold] = 0 THEN
                idle_steps[step] := true;
            ELSIF hold_left[hold] IS NULL OR hold_left[hold] < amount THEN
                outcome := 'hold_not_covering';
                EXIT;
            ELSE
                account := hold_accounts[hold];
                hold_left[hold] := hold_left[hold] - amount;
                hold_captured[hold] := hold_captured[hold] + step_captures[step];
                hold_released[hold] := hold_released[hold] + step_releases[step];
                held[account] := held[account] - amount;
                taken[account] := coalesce(taken[account], 0) + step_captures[step];
            END IF;
            step := step + 1;
        END LOOP;
        WHILE outcome = 'posted' AND leg_items[leg] = item LOOP
            account := leg_debits[leg];
            posted[account] := posted[account] - leg_amounts[leg];
            IF step > first_step THEN
                taken[account] := taken[account] - leg_amounts[leg];
            END IF;
            account := leg_credits[leg];
            posted[account] := posted[account] + leg_amounts[leg];
            leg := leg + 1;
        END LOOP;

        -- Judge the item's net effect.
        IF outcome = 'posted' THEN
            FOR s IN first_step .. step - 1 LOOP
                IF taken[hold_accounts[step_holds[s]]] > 0 THEN
                    outcome := 'hold_not_covering';
                END IF;
            END LOOP;
        END IF;
        IF outcome = 'posted' THEN
            FOR p IN first_placement .. placement - 1 LOOP
                account := placement_accounts[p];
                IF held[account] > largest THEN
                    outcome := 'number_too_large';
                ELSIF posted[account] - held[account] < floors[account] THEN
                    outcome := 'insufficient_balance';
                END IF;
            END LOOP;
            FOR l IN first_leg .. leg - 1 LOOP
                account := leg_debits[l];
                IF posted[leg_credits[l]] > largest OR posted[account] < -largest - 1 THEN
                    outcome := 'number_too_large';
                ELSIF posted[account] - held[account] < floors[account] THEN
                    outcome := 'insufficient_balance';
                END IF;
            END LOOP;
        END IF;
        FOR s IN first_step .. step - 1 LOOP
            taken[hold_accounts[step_holds[s]]] := NULL;
        END LOOP;

        -- Take back what was refused; let what was born expired go.
        IF outcome <> 'posted' THEN
            refused := true;
            FOR l IN first_leg .. leg - 1 LOOP
                posted[leg_debits[l]] := posted[leg_debits[l]] + leg_amounts[l];
                posted[leg_credits[l]] := posted[leg_credits[l]] - leg_amounts[l];
            END LOOP;
            FOR s IN first_step .. step - 1 LOOP
                CONTINUE WHEN idle_steps[s];
                hold := step_holds[s];
                amount := step_captures[s] + step_releases[s];
                hold_left[hold] := hold_left[hold] + amount;
                hold_captured[hold] := hold_captured[hold] - step_captures[s];
                hold_released[hold] := hold_released[hold] - step_releases[s];
                held[hold_accounts[hold]] := held[hold_accounts[hold]] + amount;
            END LOOP;
            FOR p IN first_placement .. placement - 1 LOOP
                hold := placement_holds[p];
                CONTINUE WHEN hold_makers[hold] <> p;
                held[hold_accounts[hold]] := held[hold_accounts[hold]] - hold_placed[hold];
                hold_placed[hold] := NULL;
                hold_left[hold] := NULL;
                hold_expired[hold] := NULL;
                hold_makers[hold] := 0;
            END LOOP;
            WHILE leg_items[leg] = item LOOP leg := leg + 1; END LOOP;
            WHILE placement_items[placement] = item LOOP placement := placement + 1; END LOOP;
            WHILE step_items[step] = item LOOP step := step + 1; END LOOP;
        ELSE
            FOR p IN first_placement .. placement - 1 LOOP
                hold := placement_holds[p];
                CONTINUE WHEN hold_makers[hold] <> p OR hold_expired[hold] IS NOT TRUE;
                held[hold_accounts[hold]] := held[hold_accounts[hold]] - hold_left[hold];
                hold_released[hold] := hold_released[hold] + hold_left[hold];
                hold_left[hold] := 0;
            END LOOP;
            IF entry_keys[item] IS NULL AND NOT changed THEN
                outcome := 'replayed';  -- every hold it places is there already
            ELSE
                something := true;
            END IF;
        END IF;
        IF outcome <> 'posted' THEN
            outcomes[item] := outcome;
        END IF;
        IF next_same_key[item] > 0 THEN
            known[next_same_key[item]] := CASE outcome WHEN 'posted' THEN entry_digests[item] ELSE known[item] END;
        END IF;
    END LOOP;
    IF NOT something THEN
        RETURN outcomes;
    END IF;

    INSERT INTO billing_entry (id, key, body_sha256, kind, ref, event_at, booked_at)
    SELECT e.id, e.key, e.digest, e.kind, e.ref, e.event_at, booked
    FROM unnest(entry_ids, entry_keys, entry_digests, entry_kinds, entry_refs, entry_events, outcomes)
        AS e (id, key, digest, kind, ref, event_at, outcome)
    WHERE e.key IS NOT NULL AND e.outcome = 'posted' ORDER BY e.key;

    INSERT INTO billing_transfer (entry_id, leg, debit_id, credit_id, amount, asset)
    SELECT entry_ids[l.item], l.leg, account_ids[l.debit], account_ids[l.credit], l.amount, account_assets[l.debit]
    FROM unnest(leg_items, leg_numbers, leg_debits, leg_credits, leg_amounts) AS l (item, leg, debit, credit, amount)
    WHERE NOT refused OR outcomes[l.item] = 'posted';

    IF cardinality(hold_ids) > 0 THEN
        INSERT INTO billing_hold
            (id, account_id, kind, ref, placed, captured, released, created_at, expires_at)
        SELECT hold_ids[p.hold], account_ids[p.account], p.kind, p.ref, p.amount, 0, 0, booked, p.expires_at
        FROM unnest(placement_holds, placement_accounts, placement_amounts,
                    placement_kinds, placement_refs, placement_expiries)
            WITH ORDINALITY AS p (hold, account, amount, kind, ref, expires_at, position)
        WHERE hold_makers[p.hold] = p.position ORDER BY hold_ids[p.hold];

        UPDATE billing_hold h SET
            captured = h.captured + s.captured,
            released = h.released + s.released,
            ended_at = CASE WHEN h.captured + h.released + s.captured + s.released = h.placed THEN booked END
        FROM unnest(hold_ids, hold_captured, hold_released) AS s (id, captured, released)
        WHERE h.id = s.id AND s.captured + s.released > 0;
    END IF;

    UPDATE billing_balance b SET posted = c.posted, held = c.held
    FROM unnest(ids, posted, held, before_posted, before_held)
        AS c (account_id, posted, held, before_posted, before_held)
    WHERE b.account_id = c.account_id AND (c.posted, c.held) <> (c.before_posted, c.before_held);
    RETURN outcomes;
END $$;

/**
 * The guard: what the running application sends is planned again inside each migration's transaction, before it commits.
 * All of it is decided on the server, so that nothing is asked of a client while locks are held. What a statement comes to
 * (`_plan`) and whether an answer is worse than another (`_worse`) are decided in lambda/workload.
 */

import { NAMED_STATEMENTS } from '../../contract/workload';

/** Raised when what planned before no longer does. The message is JSON of numbers, codes and names of the catalogue: no server's words, no text. */
export const BREAKS_WORKLOAD = 'TU005';

/** What planning may take in a migration's transaction. */
export const GUARD_BUDGET_MS = 1_500;
/** So much of the time for which its locks may be held is left alone: for the ledger's row and the commit. */
const HOLD_MARGIN_MS = 300;
/** What took longer without locks is not planned under locks that writers queue behind. */
const SLOW_MS = 200;

/** Undecided, because it was not asked: not for what the schema is. */
export const NOT_ASKED = `'{budget,lock,slow}'::text[]`;

/** The answers of this deployment. */
export const OF_THIS = `a.namespace = asked ->> 'namespace' AND a.deployment = asked ->> 'deployment'`;

export const GUARD: readonly string[] = [
  // As `_ask`. What only the types of its values would decide is asked once more, with the types that they had before.
  `CREATE OR REPLACE FUNCTION trueup._ask_as_before(asked jsonb, hash text, numbers int[], budget_ms float8)
RETURNS TABLE (number int, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  ends timestamptz := clock_timestamp() + budget_ms * interval '1 millisecond';
  plain jsonb; again jsonb; typed jsonb;
BEGIN
  SELECT jsonb_agg(jsonb_build_object('n', x.number, 'answer', x.answer)) INTO plain
    FROM trueup._ask(asked ->> 'namespace', hash, numbers, budget_ms, false) x;
  -- One look-up each: of answers that were written a moment ago the server has no statistics, and a join would be nested loops.
  SELECT jsonb_agg(q.question) INTO again FROM (
    SELECT (SELECT jsonb_build_object('n', a.number, 'text', w.statement, 'role', w.role, 'path', w.path, 'types', a.answer -> 'parameters')
      FROM trueup.answers a JOIN trueup.workload w ON w.namespace = a.namespace AND w.promise = hash AND w.number = a.number
      WHERE ${OF_THIS} AND a.number = (p.item ->> 'n')::int AND NOT a.answer ? 'doubt' AND a.answer -> 'parameters' <> '[]') AS question
    FROM jsonb_array_elements(plain) AS p (item)
    WHERE p.item -> 'answer' ->> 'why' IN ('untyped', 'overload')) AS q
    WHERE q.question IS NOT NULL;
  IF again IS NOT NULL THEN
    typed := trueup._plan(jsonb_build_object('statements', again,
      'budgetMs', greatest(0, 1000 * extract(epoch FROM ends - clock_timestamp()))));
  END IF;
  RETURN QUERY SELECT (p.item ->> 'n')::int, CASE WHEN t.answer IS NULL THEN p.item -> 'answer'
      ELSE p.item -> 'answer' || jsonb_build_object('typed', t.answer) END
    FROM jsonb_array_elements(plain) WITH ORDINALITY AS p (item, place)
    LEFT JOIN (SELECT x.asked -> 'n' AS n, typed -> (x.place::int - 1) AS answer
      FROM jsonb_array_elements(again) WITH ORDINALITY AS x (asked, place)) AS t ON t.n = p.item -> 'n'
    ORDER BY p.place;
END
$fn$`,

  // Before COMMIT: what planned before must plan now. asked: namespace, deployment, migration; holdMs where it holds locks
  // that writers queue behind; consent where it may break statements; outside where it is too late to refuse.
  `CREATE OR REPLACE FUNCTION trueup._guard(asked jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  hash text := (SELECT n.promise FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  hold_ms float8 := (asked ->> 'holdMs')::float8;
  budget_ms float8 := ${GUARD_BUDGET_MS};
  named text[]; hot text[]; numbers int[]; unasked jsonb; broken jsonb := '[]'; warned jsonb := '[]';
  item record; before jsonb; worse jsonb; finding jsonb;
BEGIN
  IF hold_ms IS NOT NULL THEN
    budget_ms := greatest(0, least(budget_ms, (hold_ms - ${HOLD_MARGIN_MS} - 1000 *
      (extract(epoch FROM clock_timestamp())::float8 - current_setting('trueup.held_since')::float8)) / 2));
  END IF;
  -- The other half is for what surrounds the planning: choosing what is asked, and comparing what was answered.
  -- What this transaction has locked or changed comes first, and what has gone.
  named := ARRAY(
    SELECT DISTINCT r.name FROM trueup.answers a, jsonb_array_elements_text(a.answer -> 'relations') AS r (name)
    WHERE ${OF_THIS} AND a.answer ->> 'outcome' = 'plans');
  WITH relation AS (
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
      c.xmin::text = ((pg_current_xact_id())::xid)::text OR c.oid IN (
        SELECT l.relation FROM pg_locks l WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')) AS touched
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f'))
  SELECT coalesce(array_agg(r.name), '{}') INTO hot FROM unnest(named) AS r (name)
    LEFT JOIN relation ON relation.name = r.name WHERE relation.name IS NULL OR relation.touched;
  -- What cannot fit, by the time that it took before, is not even sent.
  SELECT array_agg(p.number ORDER BY p.place) FILTER (WHERE NOT p.slow AND NOT p.over), jsonb_strip_nulls(jsonb_build_object(
      'slow', nullif(count(*) FILTER (WHERE p.slow), 0), 'budget', nullif(count(*) FILTER (WHERE p.over AND NOT p.slow), 0)))
    INTO numbers, unasked
    FROM (
      SELECT q.number, q.slow, row_number() OVER w AS place,
        sum(CASE WHEN q.slow THEN 0 ELSE q.ms END) OVER w > budget_ms AS over
      FROM (
        SELECT a.number, (a.answer -> 'relations') ?| hot AS hot, coalesce((a.answer ->> 'ms')::float8, 0) AS ms,
          hold_ms IS NOT NULL AND coalesce((a.answer ->> 'ms')::float8 > ${SLOW_MS}, false) AS slow,
          CASE WHEN a.number > 0 THEN
            (SELECT w.calls FROM trueup.workload w WHERE w.namespace = a.namespace AND w.promise = hash AND w.number = a.number)
            ELSE (SELECT l.calls FROM trueup.live l WHERE l.number = -a.number) END AS calls
        FROM trueup.answers a WHERE ${OF_THIS} AND a.answer ->> 'outcome' = 'plans') q
      WINDOW w AS (ORDER BY q.hot DESC, q.calls DESC NULLS LAST, q.number)) p;
  FOR item IN SELECT x.number, x.answer FROM trueup._ask_as_before(asked, hash, coalesce(numbers, '{}'), budget_ms) x LOOP
    IF item.answer ->> 'why' = ANY (${NOT_ASKED}) THEN
      unasked := unasked || jsonb_build_object(item.answer ->> 'why', coalesce((unasked ->> (item.answer ->> 'why'))::int, 0) + 1);
      CONTINUE;
    END IF;
    -- Of a live statement the text may be gone.
    CONTINUE WHEN item.number < 0 AND item.answer ->> 'why' = 'long';
    SELECT a.answer INTO before FROM trueup.answers a WHERE ${OF_THIS} AND a.number = item.number;
    worse := trueup._worse(before, item.answer);
    IF item.number < 0 THEN
      item.answer := item.answer || jsonb_build_object('live', before -> 'live');
      IF before ->> 'live' = 'warns' AND (worse ->> 'refuses')::boolean THEN
        worse := worse || jsonb_build_object('refuses', false, 'idle', true);
      END IF;
    END IF;
    finding := jsonb_build_object('n', item.number) || (worse - 'refuses');
    IF worse IS NOT NULL AND (worse ->> 'refuses')::boolean THEN
      broken := broken || finding;
    ELSIF worse IS NOT NULL THEN
      warned := warned || finding;
    END IF;
    -- Nothing is known, so what was known before stays; and that this was said.
    IF item.answer ->> 'outcome' = 'undecided' AND NOT coalesce((worse ->> 'refuses')::boolean, false) THEN
      item.answer := before || jsonb_build_object('doubt', item.answer -> 'why');
    END IF;
    IF item.answer - 'ms' <> before - 'ms' OR (worse ->> 'refuses')::boolean THEN
      UPDATE trueup.answers a SET answer = item.answer,
        broken_by = CASE WHEN (worse ->> 'refuses')::boolean THEN asked ->> 'migration' END,
        consented = coalesce((asked ->> 'consent')::boolean, false)
      WHERE ${OF_THIS} AND a.number = item.number;
    END IF;
  END LOOP;
  broken := trueup._by_calls(asked ->> 'namespace', hash, broken);
  IF broken <> '[]' AND NOT coalesce((asked ->> 'consent')::boolean, false) AND NOT coalesce((asked ->> 'outside')::boolean, false) THEN
    RAISE EXCEPTION USING ERRCODE = '${BREAKS_WORKLOAD}', MESSAGE = jsonb_build_object('count', jsonb_array_length(broken),
      'broken', (SELECT jsonb_agg(x.b ORDER BY x.place) FROM jsonb_array_elements(broken) WITH ORDINALITY AS x (b, place)
        WHERE x.place <= ${NAMED_STATEMENTS}));
  END IF;
  PERFORM trueup._guard_note(asked, broken, warned, unasked);
  RETURN true;
END
$fn$`,

  // Findings, those of what runs most often first.
  `CREATE OR REPLACE FUNCTION trueup._by_calls(of_namespace text, hash text, findings jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT coalesce(jsonb_agg(x.finding ORDER BY (trueup._sent(of_namespace, hash, (x.finding ->> 'n')::int) ->> 'calls')::bigint DESC NULLS LAST, (x.finding ->> 'n')::int), '[]')
  FROM jsonb_array_elements(findings) AS x (finding)
$fn$`,

  // What a person should know although nothing was refused: with the migration, in the same transaction.
  `CREATE OR REPLACE FUNCTION trueup._guard_note(asked jsonb, broken jsonb, warned jsonb, unasked jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  IF broken = '[]' AND warned = '[]' AND unasked = '{}' THEN
    RETURN false;
  END IF;
  INSERT INTO trueup.events (namespace, deployment, migration, event, detail)
  VALUES (asked ->> 'namespace', asked ->> 'deployment', asked ->> 'migration', 'guarded', jsonb_build_object(
    'broken', broken, 'warned', warned, 'unasked', unasked, 'consent', coalesce((asked ->> 'consent')::boolean, false)));
  RETURN true;
END
$fn$`,

  // Before DROP INDEX CONCURRENTLY, which cannot be taken back: is the index (in the setting trueup.dropping, by its oid) the
  // last one by which a promised ON CONFLICT can decide?
  `CREATE OR REPLACE FUNCTION trueup._guard_drop(asked jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  broken jsonb;
BEGIN
  SELECT jsonb_agg(jsonb_build_object('n', f.number, 'state', '42P10', 'why', '42P10', 'by', 'plan') ORDER BY f.calls DESC NULLS LAST, f.number)
    INTO broken
    FROM (
      SELECT a.number, coalesce(w.calls, l.calls) AS calls FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
      JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
      JOIN trueup.answers a ON ${OF_THIS} AND a.answer ->> 'outcome' = 'plans'
        AND a.answer -> 'relations' ? format('%I.%I', n.nspname, t.relname)
        AND a.answer -> 'arbiters' IN (jsonb_build_array(c.relname), jsonb_build_array(format('%I.%I', cn.nspname, c.relname)))
      JOIN trueup.namespaces ns ON ns.name = a.namespace
      LEFT JOIN trueup.workload w ON w.namespace = a.namespace AND w.promise = ns.promise AND w.number = a.number
      LEFT JOIN trueup.live l ON l.number = -a.number AND a.answer ->> 'live' = 'refuses'
      WHERE (w.number IS NOT NULL OR l.number IS NOT NULL) AND i.indexrelid = nullif(current_setting('trueup.dropping'), '')::oid) f;
  IF broken IS NULL THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION USING ERRCODE = '${BREAKS_WORKLOAD}', MESSAGE = jsonb_build_object('count', jsonb_array_length(broken),
    'broken', (SELECT jsonb_agg(x.b ORDER BY x.place) FROM jsonb_array_elements(broken) WITH ORDINALITY AS x (b, place)
      WHERE x.place <= ${NAMED_STATEMENTS}));
END
$fn$`,
];

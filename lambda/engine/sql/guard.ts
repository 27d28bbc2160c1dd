/**
 * The guard plans the running application's statements again inside each migration's transaction, before it commits.
 * It decides everything on the server, so that no round trip to a client is needed while locks are held. How a
 * statement plans (`_plan`), and whether an answer is worse than another (`_worse`), is decided in lambda/workload.
 */

import { MAX_NAMED_STATEMENTS } from '../../contract/workload';

/**
 * Raised when a statement that planned before no longer does. The message is JSON with numbers, codes and catalog
 * names only; it contains no server messages and no statement text.
 */
export const BREAKS_WORKLOAD_SQLSTATE = 'TU005';

/** Time limit for planning in a migration's transaction. */
const GUARD_BUDGET_MS = 1_500;
/** The part of the hold time that planning must leave for the ledger's row and the commit. */
const HOLD_MARGIN_MS = 300;
/**
 * A statement that took longer than this to plan without locks is not planned under locks that writers queue behind.
 */
const SLOW_PLANNING_MS = 200;

/** The reasons for which a statement is undecided because it was not planned, regardless of the schema. */
export const NOT_PLANNED_REASONS = `'{budget,lock,slow}'::text[]`;

/** Selects the answers of this deployment. */
export const IS_THIS_DEPLOYMENT_SQL = `a.namespace = asked ->> 'namespace' AND a.deployment = asked ->> 'deployment'`;

export const GUARD_FUNCTIONS_SQL: readonly string[] = [
  // Does the same as `_plan_workload`. A statement whose result depends only on the types of its values is planned once more,
  // with the types that they had before.
  `CREATE OR REPLACE FUNCTION trueup._plan_with_previous_types(asked jsonb, hash text, numbers int[], budget_ms float8)
RETURNS TABLE (number int, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  ends timestamptz := clock_timestamp() + budget_ms * interval '1 millisecond';
  plain jsonb; again jsonb; typed jsonb;
BEGIN
  SELECT jsonb_agg(jsonb_build_object('n', x.number, 'answer', x.answer)) INTO plain
    FROM trueup._plan_workload(asked ->> 'namespace', hash, numbers, budget_ms, false) x;
  -- One look-up each: of answers that were written a moment ago the server has no statistics, and a join would be nested loops.
  SELECT jsonb_agg(q.question) INTO again FROM (
    SELECT (SELECT jsonb_build_object('n', a.number, 'text', w.statement, 'role', w.role, 'path', w.search_path, 'types', a.verdict -> 'parameters', 'setting', a.verdict -> 'setting')
      FROM trueup.deployment_plans a JOIN trueup.workload_statements w ON w.namespace = a.namespace AND w.workload = hash AND w.number = a.number
      WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = (p.item ->> 'n')::int AND NOT a.verdict ? 'doubt' AND a.verdict -> 'parameters' <> '[]') AS question
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

  // Called before COMMIT. What planned before must plan now, and what the migration touches must be decided. `asked`
  // has namespace, deployment and migration; holdMs if it holds locks that writers queue behind; consent if it may
  // break statements; nonTransactional if it is too late to refuse; guardMs, the time limit for planning the touched
  // statements; and touches, the objects that its file names. Older code sends neither guardMs nor touches; undecided
  // statements do not stop it.
  `CREATE OR REPLACE FUNCTION trueup._guard(asked jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  hash text := (SELECT n.workload FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  hold_ms float8 := (asked ->> 'holdMs')::float8;
  budget_ms float8 := ${GUARD_BUDGET_MS};
  guard_ms float8 := (asked ->> 'guardMs')::float8;
  may_stop boolean := asked ? 'guardMs' AND NOT coalesce((asked ->> 'nonTransactional')::boolean, false);
  began timestamptz;
  everyone int[]; touched int[]; numbers int[]; not_planned jsonb := '{}'; over jsonb;
  broken jsonb := '[]'; warned jsonb := '[]'; open jsonb := '[]';
  item record; before jsonb; plain jsonb; worse jsonb; finding jsonb; stops boolean;
BEGIN
  -- The other half is for the rest: selecting the statements to plan, and comparing the results.
  IF hold_ms IS NOT NULL THEN
    guard_ms := greatest(0, least(guard_ms, (hold_ms - ${HOLD_MARGIN_MS} - 1000 *
      (extract(epoch FROM clock_timestamp())::float8 - current_setting('trueup.held_since')::float8)) / 2));
    budget_ms := least(budget_ms, guard_ms);
  END IF;
  guard_ms := coalesce(guard_ms, budget_ms);
  -- Statements known to plan and, of those that this migration touches, also those that planned at the last deployment or were not planned yet.
  everyone := ARRAY(
    SELECT q.number FROM (
      SELECT a.number, CASE WHEN a.number > 0 THEN
          (SELECT w.calls FROM trueup.workload_statements w WHERE w.namespace = a.namespace AND w.workload = hash AND w.number = a.number)
          ELSE (SELECT l.calls FROM trueup.live_statements l WHERE l.number = -a.number) END AS calls
      FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND (a.verdict ->> 'outcome' = 'plans' OR a.verdict ->> 'outcome' = 'undecided' AND NOT a.consented)) q
    ORDER BY q.calls DESC NULLS LAST, q.number);
  touched := trueup._select_touched(asked, hash, trueup._touched(coalesce(asked -> 'touches', '{}')
    || jsonb_build_object('transaction', NOT coalesce((asked ->> 'nonTransactional')::boolean, false))), everyone);
  -- What cannot fit, by the time that it took before, is not even sent where writers would wait for it.
  SELECT array_agg(p.number ORDER BY p.place) FILTER (WHERE NOT p.over),
      coalesce(jsonb_agg(p.number ORDER BY p.place) FILTER (WHERE p.over), '[]')
    INTO numbers, over
    FROM (
      SELECT q.number, q.place, hold_ms IS NOT NULL AND sum(q.ms) OVER (ORDER BY q.place) > guard_ms AS over
      FROM (
        SELECT u.number, u.place, coalesce((a.verdict ->> 'ms')::float8, 0) AS ms
        FROM unnest(touched) WITH ORDINALITY AS u (number, place) JOIN trueup.deployment_plans a ON ${IS_THIS_DEPLOYMENT_SQL} AND a.number = u.number
        WHERE a.verdict ->> 'outcome' = 'plans' OR a.verdict ->> 'why' = ANY (${NOT_PLANNED_REASONS})
          OR (SELECT k.verdict ->> 'outcome' FROM trueup.workload_plans k WHERE k.namespace = a.namespace AND k.workload = hash AND k.number = a.number) = 'plans') q) p;
  began := clock_timestamp();
  FOR item IN
    SELECT x.number, x.answer, true AS touched FROM trueup._plan_touched(asked, hash, coalesce(numbers, '{}'), guard_ms, true) x
    UNION ALL SELECT n::int, '{"outcome": "undecided", "why": "budget"}', true FROM jsonb_array_elements_text(over) AS n
    UNION ALL SELECT x.number, x.answer, false FROM trueup._guard_rest(asked, hash, everyone, touched, hold_ms IS NOT NULL,
      CASE WHEN hold_ms IS NULL THEN budget_ms ELSE budget_ms - 1000 * extract(epoch FROM clock_timestamp() - began)::float8 END) x
  LOOP
    SELECT a.verdict INTO before FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = item.number;
    plain := before;
    IF before ->> 'outcome' = 'undecided' THEN
      before := coalesce((SELECT k.verdict FROM trueup.workload_plans k WHERE k.namespace = asked ->> 'namespace' AND k.workload = hash
        AND k.number = item.number), before);
    END IF;
    -- It is not known how it planned before, so it must plan now.
    stops := item.touched AND asked ? 'guardMs' AND (item.answer ->> 'outcome' = 'undecided' OR before ->> 'outcome' = 'undecided')
      AND item.answer ->> 'outcome' <> 'plans' AND (before ->> 'outcome' = 'plans' OR before ->> 'why' = ANY (${NOT_PLANNED_REASONS})
        OR plain ->> 'why' = ANY (${NOT_PLANNED_REASONS}) AND item.answer ->> 'why' IS DISTINCT FROM before ->> 'why');
    IF item.answer ->> 'why' = ANY (${NOT_PLANNED_REASONS}) AND NOT stops THEN
      not_planned := not_planned || jsonb_build_object(item.answer ->> 'why', coalesce((not_planned ->> (item.answer ->> 'why'))::int, 0) + 1);
      CONTINUE;
    END IF;
    -- Of a live statement the text may be gone.
    CONTINUE WHEN item.number < 0 AND item.answer ->> 'why' = 'long';
    worse := trueup._worse(before, item.answer);
    IF item.number < 0 THEN
      item.answer := item.answer || jsonb_build_object('live', before -> 'live');
      IF before ->> 'live' = 'warns' AND (worse ->> 'refuses')::boolean THEN
        worse := worse || jsonb_build_object('refuses', false, 'idle', true);
      END IF;
    END IF;
    -- It plans with the previous types of its values; that is only a warning.
    stops := stops AND NOT coalesce((worse ->> 'refuses')::boolean, false) AND coalesce(worse ->> 'reason', '') <> 'typed'
      AND coalesce(before ->> 'live', '') <> 'warns';
    IF stops THEN
      -- It was not planned before and does not plan now, so it is not known whether it ever did.
      open := open || jsonb_build_object('n', item.number, 'answer', CASE WHEN item.answer ->> 'outcome' = 'undecided' THEN item.answer ELSE plain END);
    END IF;
    finding := jsonb_build_object('n', item.number) || (worse - 'refuses');
    IF worse IS NOT NULL AND (worse ->> 'refuses')::boolean THEN
      broken := broken || finding;
    ELSIF worse IS NOT NULL AND NOT (stops AND may_stop) THEN
      warned := warned || finding;
    ELSIF stops AND NOT may_stop THEN
      warned := warned || jsonb_build_object('n', item.number, 'by', 'plan', 'why', 'undecided', 'reason', coalesce(item.answer ->> 'why', 'budget'));
    END IF;
    -- The result is undecided, so the earlier answer stays, with a mark that this was reported.
    IF item.answer ->> 'outcome' = 'undecided' AND NOT coalesce((worse ->> 'refuses')::boolean, false) THEN
      item.answer := plain || CASE WHEN item.answer ->> 'why' = ANY (${NOT_PLANNED_REASONS}) THEN '{}' ELSE jsonb_build_object('doubt', item.answer -> 'why') END;
    END IF;
    IF item.answer - 'ms' <> plain - 'ms' OR (worse ->> 'refuses')::boolean OR stops THEN
      UPDATE trueup.deployment_plans a SET verdict = item.answer,
        broken_by = CASE WHEN (worse ->> 'refuses')::boolean OR stops THEN asked ->> 'migration' END,
        consented = coalesce((asked ->> 'consent')::boolean, false)
      WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = item.number;
    END IF;
  END LOOP;
  broken := trueup._sort_by_calls(asked ->> 'namespace', hash, broken);
  IF may_stop AND NOT coalesce((asked ->> 'consent')::boolean, false) AND broken = '[]' AND open <> '[]' THEN
    PERFORM trueup._refuse_undecided(asked, hash, asked ->> 'migration', open);
  END IF;
  IF broken <> '[]' AND NOT coalesce((asked ->> 'consent')::boolean, false) AND NOT coalesce((asked ->> 'nonTransactional')::boolean, false) THEN
    RAISE EXCEPTION USING ERRCODE = '${BREAKS_WORKLOAD_SQLSTATE}', MESSAGE = jsonb_build_object('count', jsonb_array_length(broken),
      'broken', (SELECT jsonb_agg(x.b ORDER BY x.place) FROM jsonb_array_elements(broken) WITH ORDINALITY AS x (b, place)
        WHERE x.place <= ${MAX_NAMED_STATEMENTS}));
  END IF;
  PERFORM trueup._record_guard_note(asked, broken, warned || CASE WHEN may_stop THEN (SELECT coalesce(jsonb_agg(jsonb_build_object('n', o.item -> 'n',
    'by', 'plan', 'why', 'undecided', 'reason', o.item -> 'answer' ->> 'why')), '[]') FROM jsonb_array_elements(open) AS o (item)) ELSE '[]' END, not_planned);
  RETURN true;
END
$fn$`,

  // Plans the statements that planned before and that the migration does not touch, within the time limit. A
  // statement that is not planned gets an answer that says so.
  `CREATE OR REPLACE FUNCTION trueup._guard_rest(asked jsonb, hash text, everyone int[], touched int[], holds boolean, budget_ms float8)
RETURNS TABLE (number int, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  numbers int[]; slow int[]; over int[];
BEGIN
  SELECT coalesce(array_agg(p.number ORDER BY p.place) FILTER (WHERE NOT p.slow AND NOT p.over), '{}'),
      coalesce(array_agg(p.number) FILTER (WHERE p.slow), '{}'), coalesce(array_agg(p.number) FILTER (WHERE p.over AND NOT p.slow), '{}')
    INTO numbers, slow, over
    FROM (
      SELECT q.number, q.slow, q.place, sum(CASE WHEN q.slow THEN 0 ELSE q.ms END) OVER (ORDER BY q.place) > greatest(0, budget_ms) AS over
      FROM (
        SELECT u.number, u.place, coalesce((a.verdict ->> 'ms')::float8, 0) AS ms,
          holds AND coalesce((a.verdict ->> 'ms')::float8 > ${SLOW_PLANNING_MS}, false) AS slow
        FROM unnest(everyone) WITH ORDINALITY AS u (number, place) LEFT JOIN unnest(touched) AS t (number) ON t.number = u.number
          JOIN trueup.deployment_plans a ON ${IS_THIS_DEPLOYMENT_SQL} AND a.number = u.number
        WHERE t.number IS NULL AND a.verdict ->> 'outcome' = 'plans') q) p;
  RETURN QUERY SELECT x.number, x.answer FROM trueup._plan_with_previous_types(asked, hash, numbers, greatest(0, budget_ms)) x
    UNION ALL SELECT u.n, '{"outcome": "undecided", "why": "slow"}'::jsonb FROM unnest(slow) AS u (n)
    UNION ALL SELECT u.n, '{"outcome": "undecided", "why": "budget"}'::jsonb FROM unnest(over) AS u (n);
END
$fn$`,

  // Sorts findings, so that those of the most frequent statements come first.
  `CREATE OR REPLACE FUNCTION trueup._sort_by_calls(of_namespace text, hash text, findings jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT coalesce(jsonb_agg(x.finding ORDER BY (trueup._describe_guarded_statement(of_namespace, hash, (x.finding ->> 'n')::int) ->> 'calls')::bigint DESC NULLS LAST, (x.finding ->> 'n')::int), '[]')
  FROM jsonb_array_elements(findings) AS x (finding)
$fn$`,

  // Records what a person should know although nothing was refused, in the migration's transaction.
  `CREATE OR REPLACE FUNCTION trueup._record_guard_note(asked jsonb, broken jsonb, warned jsonb, not_planned jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  IF broken = '[]' AND warned = '[]' AND not_planned = '{}' AND coalesce((asked ->> 'notRecorded')::int, 0) = 0 THEN
    RETURN false;
  END IF;
  INSERT INTO trueup.events (namespace, deployment, migration, event, detail)
  VALUES (asked ->> 'namespace', asked ->> 'deployment', asked ->> 'migration', 'guarded', jsonb_build_object(
    'broken', broken, 'warned', warned, 'notPlanned', not_planned, 'consent', coalesce((asked ->> 'consent')::boolean, false), 'notRecorded', coalesce((asked ->> 'notRecorded')::int, 0)));
  RETURN true;
END
$fn$`,

  // Called before DROP INDEX CONCURRENTLY, which cannot be undone. Checks whether the index (its oid is in the
  // setting trueup.dropping) is the last arbiter for an ON CONFLICT of the guaranteed workload.
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
      JOIN trueup.deployment_plans a ON ${IS_THIS_DEPLOYMENT_SQL} AND a.verdict ->> 'outcome' = 'plans'
        AND a.verdict -> 'relations' ? format('%I.%I', n.nspname, t.relname)
        AND a.verdict -> 'arbiters' IN (jsonb_build_array(c.relname), jsonb_build_array(format('%I.%I', cn.nspname, c.relname)))
      JOIN trueup.namespaces ns ON ns.name = a.namespace
      LEFT JOIN trueup.workload_statements w ON w.namespace = a.namespace AND w.workload = ns.workload AND w.number = a.number
      LEFT JOIN trueup.live_statements l ON l.number = -a.number AND a.verdict ->> 'live' = 'refuses'
      WHERE (w.number IS NOT NULL OR l.number IS NOT NULL) AND i.indexrelid = nullif(current_setting('trueup.dropping'), '')::oid) f;
  IF broken IS NULL THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION USING ERRCODE = '${BREAKS_WORKLOAD_SQLSTATE}', MESSAGE = jsonb_build_object('count', jsonb_array_length(broken),
    'broken', (SELECT jsonb_agg(x.b ORDER BY x.place) FROM jsonb_array_elements(broken) WITH ORDINALITY AS x (b, place)
      WHERE x.place <= ${MAX_NAMED_STATEMENTS}));
END
$fn$`,
];

/**
 * Guaranteed workloads: stored in the ledger, and planned before the first migration of a deployment and after the
 * last. How a statement plans is decided by `_plan` (lambda/workload); the guard in between is in guard.ts.
 */

import { MAX_NAMED_STATEMENTS } from '../../contract/workload';
import { IS_THIS_DEPLOYMENT_SQL } from './guard';

export const WORKLOAD_FUNCTIONS_SQL: readonly string[] = [
  // Stores the texts of a workload once, and deletes those of workloads that the namespace no longer refers to.
  `CREATE OR REPLACE FUNCTION trueup._store_workload(of_namespace text, hash text, statements jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.namespaces SET next_workload = hash WHERE name = of_namespace;
  DELETE FROM trueup.workload_statements w USING trueup.namespaces n
  WHERE n.name = of_namespace AND w.namespace = of_namespace
    AND w.workload IS DISTINCT FROM n.workload AND w.workload IS DISTINCT FROM n.next_workload;
  DELETE FROM trueup.workload_plans k USING trueup.namespaces n
  WHERE n.name = of_namespace AND k.namespace = of_namespace
    AND k.workload IS DISTINCT FROM n.workload AND k.workload IS DISTINCT FROM n.next_workload;
  INSERT INTO trueup.workload_statements (namespace, workload, number, statement, role, search_path, calls)
  SELECT of_namespace, hash, x.n, x.s ->> 'text', x.s ->> 'role', x.s ->> 'searchPath', (x.s ->> 'calls')::bigint
  FROM jsonb_array_elements(statements) WITH ORDINALITY AS x (s, n)
  ON CONFLICT DO NOTHING;
  RETURN true;
END
$fn$`,

  // Sets the guaranteed workload of the running application, when a deployment succeeds; NULL for none.
  `CREATE OR REPLACE FUNCTION trueup._set_running_workload(of_namespace text, hash text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  -- Older code can keep what it promises itself; this code says afterwards what its own takes.
  UPDATE trueup.namespaces SET workload = hash, next_workload = NULL, min_guard_version = NULL WHERE name = of_namespace;
  DELETE FROM trueup.workload_statements w WHERE w.namespace = of_namespace AND w.workload IS DISTINCT FROM hash;
  -- Those of the one before stay until the next deployment: a rollback may bring it back.
  DELETE FROM trueup.workload_plans k WHERE k.namespace = of_namespace AND hash IS NULL;
  RETURN true;
END
$fn$`,

  // Plans statements of a workload in this order, until the time limit. `outlives` is described in
  // lambda/workload/sql/plan-function.ts.
  `CREATE OR REPLACE FUNCTION trueup._plan_workload(of_namespace text, hash text, numbers int[], budget_ms float8, outlives boolean)
RETURNS TABLE (number int, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  statements jsonb;
  running boolean := hash IS NULL OR EXISTS (SELECT FROM trueup.namespaces n WHERE n.name = of_namespace AND n.workload = hash);
  live jsonb := CASE WHEN 0 > ANY (numbers) THEN trueup._read_live_texts(numbers) END;
BEGIN
  -- One look-up each: of tables that were filled a moment ago the server has no statistics, and joins would be nested loops. What was
  -- set for its sender is known from the beginning of the deployment, or from when it was promised.
  SELECT jsonb_agg(coalesce((
      SELECT jsonb_build_object('text', w.statement, 'role', w.role, 'path', w.search_path) FROM trueup.workload_statements w
      WHERE w.namespace = of_namespace AND w.workload = hash AND w.number = x.n), live -> x.n::text) || jsonb_build_object('setting', coalesce(
      (SELECT a.verdict -> 'setting' FROM trueup.deployment_plans a WHERE running AND a.namespace = of_namespace AND a.number = x.n LIMIT 1),
      (SELECT k.verdict -> 'setting' FROM trueup.workload_plans k WHERE k.namespace = of_namespace AND k.workload = hash AND k.number = x.n))) ORDER BY x.place)
    INTO statements FROM unnest(numbers) WITH ORDINALITY AS x (n, place);
  RETURN QUERY SELECT numbers[x.place], x.answer
    FROM jsonb_array_elements(trueup._plan(jsonb_build_object('budgetMs', budget_ms, 'outlives', outlives, 'statements', statements)))
      WITH ORDINALITY AS x (answer, place)
    WHERE statements IS NOT NULL;
END
$fn$`,

  // Plans, before the first migration of a deployment and without locks, each statement of the running application's
  // workload. Done once per deployment: a later slice must not take for the initial state what an earlier one has
  // already broken with consent.
  `CREATE OR REPLACE FUNCTION trueup._plan_before(asked jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  hash text := (SELECT n.workload FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  started timestamptz := clock_timestamp();
  began timestamptz;
  budget_ms float8 := (asked ->> 'budgetMs')::float8;
  everyone int[]; first int[] := '{}';
BEGIN
  IF hash IS NULL OR EXISTS (SELECT FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL}) THEN
    RETURN false;
  END IF;
  -- Those of a run that was killed: what it broke with consent, and was not undone since, is no drift.
  UPDATE trueup.workload_plans k SET verdict = a.verdict - 'ms' FROM trueup.deployment_plans a
  WHERE a.namespace = asked ->> 'namespace' AND k.namespace = a.namespace AND k.workload = hash AND a.number = k.number
    AND a.broken_by IS NOT NULL AND a.consented AND EXISTS (SELECT FROM trueup.migrations m
      WHERE m.namespace = a.namespace AND m.name = a.broken_by AND m.deployment = a.deployment AND m.state <> 'undone');
  DELETE FROM trueup.deployment_plans a WHERE a.namespace = asked ->> 'namespace';
  everyone := ARRAY(SELECT w.number FROM trueup.workload_statements w WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash
    ORDER BY w.calls DESC NULLS LAST, w.number);
  -- Statements that pending files touch come first, with a separate budget. Older code names no files.
  IF asked ? 'guardMs' THEN
    first := trueup._select_touched(asked, hash, trueup._touched(jsonb_build_object(
      'everything', EXISTS (SELECT FROM jsonb_array_elements(asked -> 'files') AS f (file) WHERE (f.file ->> 'everything')::boolean),
      'relations', coalesce((SELECT jsonb_agg(DISTINCT r.name)
        FROM jsonb_array_elements(asked -> 'files') AS f (file), jsonb_array_elements(f.file -> 'relations') AS r (name)), '[]'),
      'functions', coalesce((SELECT jsonb_agg(DISTINCT r.name)
        FROM jsonb_array_elements(asked -> 'files') AS f (file), jsonb_array_elements(f.file -> 'functions') AS r (name)), '[]'))),
      everyone);
    INSERT INTO trueup.deployment_plans (namespace, deployment, number, verdict)
    SELECT asked ->> 'namespace', asked ->> 'deployment', x.number, x.answer
    FROM trueup._plan_touched(asked, hash, first, (asked ->> 'guardMs')::float8, false) x;
  END IF;
  began := clock_timestamp();
  -- All of this is one call, which has to end before the caller gives up.
  IF asked ? 'totalMs' THEN
    budget_ms := greatest(0, least(budget_ms, (asked ->> 'totalMs')::float8 - 1000 * extract(epoch FROM began - started)::float8));
  END IF;
  INSERT INTO trueup.deployment_plans (namespace, deployment, number, verdict)
  SELECT asked ->> 'namespace', asked ->> 'deployment', x.number, x.answer
  FROM trueup._plan_workload(asked ->> 'namespace', hash, ARRAY(SELECT u.n FROM unnest(everyone) WITH ORDINALITY AS u (n, place)
    LEFT JOIN unnest(first) AS f (n) ON f.n = u.n WHERE f.n IS NULL ORDER BY u.place), budget_ms, true) x;
  IF coalesce((asked ->> 'live')::boolean, true) THEN
    PERFORM trueup._plan_live_statements(asked, hash, greatest(0, budget_ms
      - 1000 * extract(epoch FROM clock_timestamp() - began)::float8));
  END IF;
  IF asked ? 'guardMs' THEN
    PERFORM trueup._check_touched(asked, hash, first);
  END IF;
  RETURN true;
END
$fn$`,

  // Returns a statement of a workload for display.
  `CREATE OR REPLACE FUNCTION trueup._describe_statement(w trueup.workload_statements) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT jsonb_build_object('text', left(w.statement, 120) || CASE WHEN length(w.statement) > 120 THEN '…' ELSE '' END,
    'role', w.role, 'calls', w.calls)
$fn$`,

  // Plans the new workload after the last commit, and returns what the guard noted before. `workload` may be null. A
  // statement of both workloads that did not plan before this deployment does not count against it.
  `CREATE OR REPLACE FUNCTION trueup._plan_after(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  running text := (SELECT n.workload FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  hash text := asked ->> 'workload';
  item record; statement trueup.workload_statements; known trueup.deployment_plans; was int; standing text;
  total int := 0; planned int := 0; failing int := 0; before int := 0;
  undecided jsonb := '{}'; failed jsonb := '[]'; notes jsonb; numbers int[] := '{}'; answers jsonb[] := '{}';
BEGIN
  -- In the order of the calls.
  FOR item IN SELECT x.number, x.answer FROM trueup._plan_workload(asked ->> 'namespace', hash,
    ARRAY(SELECT w.number FROM trueup.workload_statements w WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash
      ORDER BY w.calls DESC NULLS LAST, w.number),
    (asked ->> 'budgetMs')::float8, true) x
  LOOP
    total := total + 1;
    numbers := numbers || item.number;
    answers := answers || item.answer;
    IF item.answer ->> 'outcome' = 'plans' THEN
      planned := planned + 1;
      CONTINUE;
    ELSIF item.answer ->> 'outcome' = 'undecided' THEN
      undecided := undecided || jsonb_build_object(item.answer ->> 'why', coalesce((undecided ->> (item.answer ->> 'why'))::int, 0) + 1);
      CONTINUE;
    END IF;
    SELECT w.* INTO statement FROM trueup.workload_statements w
      WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash AND w.number = item.number;
    SELECT r.number INTO was FROM trueup.workload_statements r
      WHERE r.namespace = asked ->> 'namespace' AND r.workload = running AND md5(r.statement) = md5(statement.statement)
        AND r.statement = statement.statement AND r.role IS NOT DISTINCT FROM statement.role
        AND r.search_path IS NOT DISTINCT FROM statement.search_path;
    SELECT a.* INTO known FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = was;
    standing := CASE
      WHEN known.broken_by IS NOT NULL THEN CASE WHEN known.consented THEN 'consent' ELSE 'broken' END
      WHEN was IS NULL OR known.verdict ->> 'outcome' IN ('plans', 'undecided') THEN 'broken'
      ELSE 'before' END;
    IF standing = 'broken' THEN failing := failing + 1; ELSIF standing = 'before' THEN before := before + 1; END IF;
    IF standing = 'broken' AND failing <= ${MAX_NAMED_STATEMENTS} OR standing = 'before' AND before <= ${MAX_NAMED_STATEMENTS} THEN
      failed := failed || (trueup._describe_statement(statement) || jsonb_build_object('as', standing, 'migration', known.broken_by,
        'state', item.answer -> 'state', 'why', coalesce(item.answer -> 'why', item.answer -> 'outcome'),
        'relation', item.answer -> 'relation', 'object', item.answer -> 'object'));
    END IF;
  END LOOP;
  PERFORM trueup._store_plans(asked, hash, numbers, answers);
  SELECT coalesce(jsonb_agg(jsonb_build_object('migration', e.migration, 'consent', e.detail -> 'consent',
      'notPlanned', e.detail -> 'notPlanned', 'notRecorded', e.detail -> 'notRecorded', 'broken', trueup._describe_notes(e.namespace, running, e.detail -> 'broken'),
      'warned', trueup._describe_notes(e.namespace, running, e.detail -> 'warned')) ORDER BY e.id), '[]')
    INTO notes FROM trueup.events e
    WHERE e.namespace = asked ->> 'namespace' AND e.deployment = asked ->> 'deployment' AND e.event = 'guarded';
  RETURN jsonb_build_object('running', (SELECT count(*) FROM trueup.workload_statements w WHERE w.namespace = asked ->> 'namespace'
    AND w.workload = running), 'live', (SELECT count(*) FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number < 0), 'notes', notes, 'deployed', CASE WHEN hash IS NOT NULL THEN
    jsonb_build_object('statements', total, 'plan', planned, 'undecided', undecided, 'failing', failing, 'failed', failed) END);
END
$fn$`,

  // Returns the first few findings of an event, with their statements for display.
  `CREATE OR REPLACE FUNCTION trueup._describe_notes(of_namespace text, hash text, findings jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT jsonb_build_object('count', jsonb_array_length(findings), 'named', coalesce((
    SELECT jsonb_agg(trueup._describe_guarded_statement(of_namespace, hash, (x.finding ->> 'n')::int) || x.finding ORDER BY x.place)
    FROM jsonb_array_elements(findings) WITH ORDINALITY AS x (finding, place)
    WHERE x.place <= ${MAX_NAMED_STATEMENTS}), '[]'))
$fn$`,
];

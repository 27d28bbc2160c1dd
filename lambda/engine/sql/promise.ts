/**
 * What applications promise: kept in the ledger, planned before the first migration of a deployment and after the last. What
 * a statement comes to is decided by `_plan` (lambda/workload); the guard in between is in guard.ts.
 */

import { NAMED_STATEMENTS } from '../../contract/workload';
import { OF_THIS } from './guard';

export const PROMISE: readonly string[] = [
  // Stores the texts of a promise, once; those that nothing names any more go.
  `CREATE OR REPLACE FUNCTION trueup._keep_promise(of_namespace text, hash text, statements jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.namespaces SET next_promise = hash WHERE name = of_namespace;
  DELETE FROM trueup.workload w USING trueup.namespaces n
  WHERE n.name = of_namespace AND w.namespace = of_namespace
    AND w.promise IS DISTINCT FROM n.promise AND w.promise IS DISTINCT FROM n.next_promise;
  DELETE FROM trueup.promised k USING trueup.namespaces n
  WHERE n.name = of_namespace AND k.namespace = of_namespace
    AND k.promise IS DISTINCT FROM n.promise AND k.promise IS DISTINCT FROM n.next_promise;
  INSERT INTO trueup.workload (namespace, promise, number, statement, role, path, calls)
  SELECT of_namespace, hash, x.n, x.s ->> 'text', x.s ->> 'role', x.s ->> 'searchPath', (x.s ->> 'calls')::bigint
  FROM jsonb_array_elements(statements) WITH ORDINALITY AS x (s, n)
  ON CONFLICT DO NOTHING;
  RETURN true;
END
$fn$`,

  // With the success of a deployment: this is what the running application promises. Null: it promises nothing.
  `CREATE OR REPLACE FUNCTION trueup._set_promise(of_namespace text, hash text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.namespaces SET promise = hash, next_promise = NULL WHERE name = of_namespace;
  DELETE FROM trueup.workload w WHERE w.namespace = of_namespace AND w.promise IS DISTINCT FROM hash;
  -- Those of the one before stay until the next deployment: a rollback may bring it back.
  DELETE FROM trueup.promised k WHERE k.namespace = of_namespace AND hash IS NULL;
  RETURN true;
END
$fn$`,

  // Plans statements of a promise in this order, until the budget is spent. What `outlives` is in lambda/workload/sql/plan.ts.
  `CREATE OR REPLACE FUNCTION trueup._ask(of_namespace text, hash text, numbers int[], budget_ms float8, outlives boolean)
RETURNS TABLE (number int, answer jsonb)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  statements jsonb;
  live jsonb := CASE WHEN 0 > ANY (numbers) THEN trueup._live_questions(numbers) END;
BEGIN
  -- One look-up each: of tables that were filled a moment ago the server has no statistics, and joins would be nested loops.
  SELECT jsonb_agg(coalesce((
      SELECT jsonb_build_object('text', w.statement, 'role', w.role, 'path', w.path) FROM trueup.workload w
      WHERE w.namespace = of_namespace AND w.promise = hash AND w.number = x.n), live -> x.n::text) ORDER BY x.place)
    INTO statements FROM unnest(numbers) WITH ORDINALITY AS x (n, place);
  RETURN QUERY SELECT numbers[x.place], x.answer
    FROM jsonb_array_elements(trueup._plan(jsonb_build_object('budgetMs', budget_ms, 'outlives', outlives, 'statements', statements)))
      WITH ORDINALITY AS x (answer, place)
    WHERE statements IS NOT NULL;
END
$fn$`,

  // Before the first migration of a deployment, without locks: how each statement of the running promise plans now. Once a
  // deployment: a later slice must not take for the beginning what this one has already broken with consent.
  `CREATE OR REPLACE FUNCTION trueup._promise_before(asked jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  hash text := (SELECT n.promise FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  began timestamptz := clock_timestamp();
BEGIN
  IF hash IS NULL OR EXISTS (SELECT FROM trueup.answers a WHERE ${OF_THIS}) THEN
    RETURN false;
  END IF;
  -- Those of a run that was killed: what it broke with consent, and was not undone since, is no drift.
  UPDATE trueup.promised k SET answer = a.answer - 'ms' FROM trueup.answers a
  WHERE a.namespace = asked ->> 'namespace' AND k.namespace = a.namespace AND k.promise = hash AND a.number = k.number
    AND a.broken_by IS NOT NULL AND a.consented AND EXISTS (SELECT FROM trueup.migrations m
      WHERE m.namespace = a.namespace AND m.name = a.broken_by AND m.deployment = a.deployment AND m.state <> 'undone');
  DELETE FROM trueup.answers a WHERE a.namespace = asked ->> 'namespace';
  INSERT INTO trueup.answers (namespace, deployment, number, answer)
  SELECT asked ->> 'namespace', asked ->> 'deployment', x.number, x.answer
  FROM trueup._ask(asked ->> 'namespace', hash,
    ARRAY(SELECT w.number FROM trueup.workload w WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash
      ORDER BY w.calls DESC NULLS LAST, w.number),
    (asked ->> 'budgetMs')::float8, true) x;
  IF coalesce((asked ->> 'live')::boolean, true) THEN
    PERFORM trueup._live_before(asked, hash, greatest(0, (asked ->> 'budgetMs')::float8
      - 1000 * extract(epoch FROM clock_timestamp() - began)::float8));
  END IF;
  RETURN true;
END
$fn$`,

  // Of a promised statement, what a person reads.
  `CREATE OR REPLACE FUNCTION trueup._named(w trueup.workload) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT jsonb_build_object('text', left(w.statement, 120) || CASE WHEN length(w.statement) > 120 THEN '…' ELSE '' END,
    'role', w.role, 'calls', w.calls)
$fn$`,

  // After the last commit: does the new promise plan, and what did the guard find on the way? \`promise\` may be null.
  // A statement of both promises that did not plan before this deployment is not its doing.
  `CREATE OR REPLACE FUNCTION trueup._promise_after(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  running text := (SELECT n.promise FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  hash text := asked ->> 'promise';
  item record; statement trueup.workload; known trueup.answers; was int; standing text;
  total int := 0; planned int := 0; failing int := 0; before int := 0;
  undecided jsonb := '{}'; failed jsonb := '[]'; notes jsonb; numbers int[] := '{}'; answers jsonb[] := '{}';
BEGIN
  -- In the order of the calls.
  FOR item IN SELECT x.number, x.answer FROM trueup._ask(asked ->> 'namespace', hash,
    ARRAY(SELECT w.number FROM trueup.workload w WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash
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
    SELECT w.* INTO statement FROM trueup.workload w
      WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash AND w.number = item.number;
    SELECT r.number INTO was FROM trueup.workload r
      WHERE r.namespace = asked ->> 'namespace' AND r.promise = running AND md5(r.statement) = md5(statement.statement)
        AND r.statement = statement.statement AND r.role IS NOT DISTINCT FROM statement.role
        AND r.path IS NOT DISTINCT FROM statement.path;
    SELECT a.* INTO known FROM trueup.answers a WHERE ${OF_THIS} AND a.number = was;
    standing := CASE
      WHEN known.broken_by IS NOT NULL THEN CASE WHEN known.consented THEN 'consent' ELSE 'broken' END
      WHEN was IS NULL OR known.answer ->> 'outcome' IN ('plans', 'undecided') THEN 'broken'
      ELSE 'before' END;
    IF standing = 'broken' THEN failing := failing + 1; ELSIF standing = 'before' THEN before := before + 1; END IF;
    IF standing = 'broken' AND failing <= ${NAMED_STATEMENTS} OR standing = 'before' AND before <= ${NAMED_STATEMENTS} THEN
      failed := failed || (trueup._named(statement) || jsonb_build_object('as', standing, 'migration', known.broken_by,
        'state', item.answer -> 'state', 'why', coalesce(item.answer -> 'why', item.answer -> 'outcome'),
        'relation', item.answer -> 'relation', 'object', item.answer -> 'object'));
    END IF;
  END LOOP;
  PERFORM trueup._keep_answers(asked, hash, numbers, answers);
  SELECT coalesce(jsonb_agg(jsonb_build_object('migration', e.migration, 'consent', e.detail -> 'consent',
      'unasked', e.detail -> 'unasked', 'broken', trueup._note_lines(e.namespace, running, e.detail -> 'broken'),
      'warned', trueup._note_lines(e.namespace, running, e.detail -> 'warned')) ORDER BY e.id), '[]')
    INTO notes FROM trueup.events e
    WHERE e.namespace = asked ->> 'namespace' AND e.deployment = asked ->> 'deployment' AND e.event = 'guarded';
  RETURN jsonb_build_object('running', (SELECT count(*) FROM trueup.workload w WHERE w.namespace = asked ->> 'namespace'
    AND w.promise = running), 'live', (SELECT count(*) FROM trueup.answers a WHERE ${OF_THIS} AND a.number < 0), 'notes', notes, 'deployed', CASE WHEN hash IS NOT NULL THEN
    jsonb_build_object('statements', total, 'plan', planned, 'undecided', undecided, 'failing', failing, 'failed', failed) END);
END
$fn$`,

  // The first few of what an event holds, with what a person reads.
  `CREATE OR REPLACE FUNCTION trueup._note_lines(of_namespace text, hash text, findings jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT jsonb_build_object('count', jsonb_array_length(findings), 'named', coalesce((
    SELECT jsonb_agg(trueup._sent(of_namespace, hash, (x.finding ->> 'n')::int) || x.finding ORDER BY x.place)
    FROM jsonb_array_elements(findings) WITH ORDINALITY AS x (finding, place)
    WHERE x.place <= ${NAMED_STATEMENTS}), '[]'))
$fn$`,
];

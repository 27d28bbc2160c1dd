/**
 * How the statements of a promise planned when it was made: kept beside them, so that a later look can tell what has become
 * worse since, with nobody having deployed anything. What a statement comes to is decided by `_plan`, and whether an answer is
 * worse than another by `_worse` (lambda/workload).
 */

import { NOT_ASKED, OF_THIS } from './guard';

/** Of those that fail as they did when they were promised, for an audit. */
const MOST_FAILING = 200;

/** Its longest text that is handed to a diagnosis. It does not leave the function. */
const LONGEST_TEXT = 10_000;

/** The same statement of another promise: `statement` of `hash` in the running one. */
const IN_RUNNING = `SELECT r.number FROM trueup.workload r
      WHERE r.namespace = asked ->> 'namespace' AND r.promise = running AND md5(r.statement) = md5(statement.statement)
        AND r.statement = statement.statement AND r.role IS NOT DISTINCT FROM statement.role
        AND r.path IS NOT DISTINCT FROM statement.path`;

export const KEPT: readonly string[] = [
  // After the last commit of a deployment, how the statements of its promise plan. Where one was kept before and is worse now,
  // it stays: what has drifted is not made good by the next deployment, unless a migration of it broke the statement with consent.
  `CREATE OR REPLACE FUNCTION trueup._keep_answers(asked jsonb, hash text, numbers int[], answers jsonb[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  running text := (SELECT n.promise FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  item record; statement trueup.workload; was int; base jsonb;
BEGIN
  FOR item IN SELECT x.number, x.answer - 'ms' AS answer FROM unnest(numbers, answers) AS x (number, answer) LOOP
    CONTINUE WHEN item.answer ->> 'outcome' = 'undecided' AND item.answer ->> 'why' = ANY (${NOT_ASKED});
    base := (SELECT k.answer FROM trueup.promised k
      WHERE k.namespace = asked ->> 'namespace' AND k.promise = hash AND k.number = item.number);
    was := CASE WHEN running = hash THEN item.number END;
    IF running <> hash THEN
      SELECT w.* INTO statement FROM trueup.workload w
        WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash AND w.number = item.number;
      was := (${IN_RUNNING});
      base := coalesce(base, (SELECT k.answer FROM trueup.promised k
        WHERE k.namespace = asked ->> 'namespace' AND k.promise = running AND k.number = was));
    END IF;
    IF base IS NOT NULL AND base <> item.answer
        AND NOT EXISTS (SELECT FROM trueup.answers a WHERE ${OF_THIS} AND a.number = was AND a.broken_by IS NOT NULL AND a.consented)
        AND (item.answer ->> 'outcome' = 'undecided'
          OR coalesce((trueup._worse(base, item.answer) ->> 'refuses')::boolean, false)) THEN
      item.answer := base;
    END IF;
    INSERT INTO trueup.promised AS k (namespace, promise, number, answer)
    VALUES (asked ->> 'namespace', hash, item.number, item.answer)
    ON CONFLICT (namespace, promise, number) DO UPDATE SET answer = excluded.answer WHERE k.answer <> excluded.answer;
  END LOOP;
  RETURN true;
END
$fn$`,

  // The answers of a deployment that has ended. What it broke with consent is no drift, also where the promise stays.
  `CREATE OR REPLACE FUNCTION trueup._forget_answers(of_namespace text, stays boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.promised k SET answer = a.answer - 'ms' FROM trueup.answers a, trueup.namespaces n
  WHERE stays AND n.name = of_namespace AND k.namespace = n.name AND k.promise = n.promise
    AND a.namespace = n.name AND a.number = k.number AND a.broken_by IS NOT NULL AND a.consented;
  DELETE FROM trueup.answers a WHERE a.namespace = of_namespace;
  RETURN true;
END
$fn$`,

  // Of what a kept answer names, what is no longer there.
  `CREATE OR REPLACE FUNCTION trueup._gone(kept jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  WITH relation AS (
    SELECT r.name, c.oid FROM jsonb_array_elements_text(kept -> 'relations') AS r (name)
    LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace) ON format('%I.%I', n.nspname, c.relname) = r.name),
  gone AS (
    SELECT name FROM relation WHERE oid IS NULL
    UNION ALL
    SELECT f.name FROM jsonb_object_keys(coalesce(kept -> 'columns', '{}')) AS f (name)
    WHERE EXISTS (SELECT FROM relation r WHERE r.oid IS NOT NULL AND starts_with(f.name, r.name || '.'))
      AND NOT EXISTS (SELECT FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE format('%s.%I', r.name, a.attname) = f.name)
    UNION ALL
    SELECT f.name FROM jsonb_array_elements_text(coalesce(kept -> 'functions', '[]')) AS f (name)
    WHERE NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid::regprocedure::text = f.name))
  SELECT coalesce(jsonb_agg(name ORDER BY name), '[]') FROM gone
$fn$`,

  // Read only: how the running promise plans now, and what is worse than when it was made. Null where nothing is promised.
  `CREATE OR REPLACE FUNCTION trueup._promise_now(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  hash text := (SELECT n.promise FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  item record; statement trueup.workload; kept jsonb; worse jsonb;
  total int := 0; planned int := 0; before int := 0; unkept int := 0; broken int := 0;
  undecided jsonb := '{}'; named jsonb := '[]'; failing jsonb := '[]';
BEGIN
  IF hash IS NULL THEN
    RETURN NULL;
  END IF;
  FOR item IN SELECT x.number, x.answer FROM trueup._ask(asked ->> 'namespace', hash,
    ARRAY(SELECT w.number FROM trueup.workload w WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash
      ORDER BY w.calls DESC NULLS LAST, w.number),
    (asked ->> 'budgetMs')::float8, true) x
  LOOP
    total := total + 1;
    kept := (SELECT k.answer FROM trueup.promised k
      WHERE k.namespace = asked ->> 'namespace' AND k.promise = hash AND k.number = item.number);
    -- What a deployment that is under way has broken with consent is none.
    worse := CASE WHEN kept <> item.answer - 'ms' AND NOT EXISTS (
        SELECT FROM trueup.answers a WHERE a.namespace = asked ->> 'namespace' AND a.number = item.number
          AND a.broken_by IS NOT NULL AND a.consented)
      THEN trueup._worse(kept, item.answer) END;
    IF kept IS NULL THEN unkept := unkept + 1; END IF;
    IF coalesce((worse ->> 'refuses')::boolean, false) THEN
      broken := broken + 1;
      IF broken <= (asked ->> 'most')::int THEN
        SELECT w.* INTO statement FROM trueup.workload w
          WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash AND w.number = item.number;
        named := named || (trueup._named(statement) || (worse - 'refuses') || jsonb_build_object(
          'statement', left(statement.statement, ${LONGEST_TEXT}), 'gone', trueup._gone(kept)));
      END IF;
    ELSIF item.answer ->> 'outcome' = 'plans' THEN
      planned := planned + 1;
    ELSIF item.answer ->> 'outcome' = 'undecided' THEN
      undecided := undecided || jsonb_build_object(item.answer ->> 'why', coalesce((undecided ->> (item.answer ->> 'why'))::int, 0) + 1);
    ELSE
      before := before + 1;
      IF before <= ${MOST_FAILING} THEN
        SELECT w.* INTO statement FROM trueup.workload w
          WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash AND w.number = item.number;
        failing := failing || jsonb_build_object('text', left(statement.statement, ${LONGEST_TEXT}), 'calls', statement.calls,
          'answer', item.answer - 'ms');
      END IF;
    END IF;
  END LOOP;
  RETURN jsonb_build_object('statements', total, 'plan', planned, 'failing', before, 'unkept', unkept,
    'undecided', undecided, 'broken', broken, 'named', named, 'failed', failing);
END
$fn$`,
];

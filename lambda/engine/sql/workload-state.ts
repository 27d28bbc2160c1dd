/**
 * Records how the statements of a guaranteed workload planned when it was deployed, so that the drift check can tell
 * which have become worse since, without any deployment. How a statement plans is decided by `_plan`, and whether an
 * answer is worse than another by `_worse` (lambda/workload).
 */

import { IS_THIS_DEPLOYMENT_SQL, NOT_PLANNED_REASONS } from './guard';

/** Limit for statements that already failed when the workload was deployed; they are returned for an audit. */
const MAX_FAILING_STATEMENTS = 200;

/** The longest text that is passed to a diagnosis. It does not leave the Lambda function. */
const MAX_TEXT_LENGTH = 10_000;

/** Finds `statement` of the workload `hash` in the guaranteed workload of the running application. */
const RUNNING_STATEMENT_SQL = `SELECT r.number FROM trueup.workload_statements r
      WHERE r.namespace = asked ->> 'namespace' AND r.workload = running AND md5(r.statement) = md5(statement.statement)
        AND r.statement = statement.statement AND r.role IS NOT DISTINCT FROM statement.role
        AND r.search_path IS NOT DISTINCT FROM statement.search_path`;

export const WORKLOAD_STATE_FUNCTIONS_SQL: readonly string[] = [
  // Records, after the last commit of a deployment, how the statements of its workload plan. An earlier answer that
  // was better is kept: the next deployment does not clear drift, unless one of its migrations broke the statement
  // with consent.
  `CREATE OR REPLACE FUNCTION trueup._store_plans(asked jsonb, hash text, numbers int[], answers jsonb[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  running text := (SELECT n.workload FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  item record; statement trueup.workload_statements; was int; base jsonb;
BEGIN
  FOR item IN SELECT x.number, x.answer - 'ms' AS answer FROM unnest(numbers, answers) AS x (number, answer) LOOP
    base := (SELECT k.verdict FROM trueup.workload_plans k
      WHERE k.namespace = asked ->> 'namespace' AND k.workload = hash AND k.number = item.number);
    was := CASE WHEN running = hash THEN item.number END;
    IF running <> hash THEN
      SELECT w.* INTO statement FROM trueup.workload_statements w
        WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash AND w.number = item.number;
      was := (${RUNNING_STATEMENT_SQL});
      base := coalesce(base, (SELECT k.verdict FROM trueup.workload_plans k
        WHERE k.namespace = asked ->> 'namespace' AND k.workload = running AND k.number = was));
    END IF;
    IF base IS NOT NULL AND base <> item.answer
        AND NOT EXISTS (SELECT FROM trueup.deployment_plans a WHERE ${IS_THIS_DEPLOYMENT_SQL} AND a.number = was AND a.broken_by IS NOT NULL AND a.consented)
        AND (item.answer ->> 'outcome' = 'undecided'
          OR coalesce((trueup._worse(base, item.answer) ->> 'refuses')::boolean, false)) THEN
      item.answer := base;
    END IF;
    -- Not reached: what was known of it goes on, also under a promise that names other statements.
    CONTINUE WHEN item.answer ->> 'outcome' = 'undecided' AND item.answer ->> 'why' = ANY (${NOT_PLANNED_REASONS});
    INSERT INTO trueup.workload_plans AS k (namespace, workload, number, verdict)
    VALUES (asked ->> 'namespace', hash, item.number, item.answer)
    ON CONFLICT (namespace, workload, number) DO UPDATE SET verdict = excluded.verdict WHERE k.verdict <> excluded.verdict;
  END LOOP;
  RETURN true;
END
$fn$`,

  // Deletes the answers of a deployment that has ended. What it broke with consent is not drift, even if the workload
  // stays the same.
  `CREATE OR REPLACE FUNCTION trueup._delete_deployment_plans(of_namespace text, stays boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  UPDATE trueup.workload_plans k SET verdict = a.verdict - 'ms' FROM trueup.deployment_plans a, trueup.namespaces n
  WHERE stays AND n.name = of_namespace AND k.namespace = n.name AND k.workload = n.workload
    AND a.namespace = n.name AND a.number = k.number AND a.broken_by IS NOT NULL AND a.consented;
  DELETE FROM trueup.deployment_plans a WHERE a.namespace = of_namespace;
  RETURN true;
END
$fn$`,

  // Returns the objects in a recorded answer that no longer exist.
  `CREATE OR REPLACE FUNCTION trueup._list_missing_objects(kept jsonb) RETURNS jsonb
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

  // Returns how the running application's guaranteed workload plans now, and what has become worse since it was
  // deployed. Read-only. NULL if there is none.
  `CREATE OR REPLACE FUNCTION trueup._check_running_workload(asked jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  hash text := (SELECT n.workload FROM trueup.namespaces n WHERE n.name = asked ->> 'namespace');
  item record; statement trueup.workload_statements; kept jsonb; worse jsonb;
  total int := 0; planned int := 0; before int := 0; not_recorded int := 0; broken int := 0;
  undecided jsonb := '{}'; named jsonb := '[]'; failing jsonb := '[]';
BEGIN
  IF hash IS NULL THEN
    RETURN NULL;
  END IF;
  FOR item IN SELECT x.number, x.answer FROM trueup._plan_workload(asked ->> 'namespace', hash,
    ARRAY(SELECT w.number FROM trueup.workload_statements w WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash
      ORDER BY w.calls DESC NULLS LAST, w.number),
    (asked ->> 'budgetMs')::float8, true) x
  LOOP
    total := total + 1;
    kept := (SELECT k.verdict FROM trueup.workload_plans k
      WHERE k.namespace = asked ->> 'namespace' AND k.workload = hash AND k.number = item.number);
    -- What a deployment that is under way has broken with consent is none.
    worse := CASE WHEN kept <> item.answer - 'ms' AND NOT EXISTS (
        SELECT FROM trueup.deployment_plans a WHERE a.namespace = asked ->> 'namespace' AND a.number = item.number
          AND a.broken_by IS NOT NULL AND a.consented)
      THEN trueup._worse(kept, item.answer) END;
    IF kept IS NULL THEN not_recorded := not_recorded + 1; END IF;
    IF coalesce((worse ->> 'refuses')::boolean, false) THEN
      broken := broken + 1;
      IF broken <= (asked ->> 'most')::int THEN
        SELECT w.* INTO statement FROM trueup.workload_statements w
          WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash AND w.number = item.number;
        named := named || (trueup._describe_statement(statement) || (worse - 'refuses') || jsonb_build_object(
          'statement', left(statement.statement, ${MAX_TEXT_LENGTH}), 'gone', trueup._list_missing_objects(kept)));
      END IF;
    ELSIF item.answer ->> 'outcome' = 'plans' THEN
      planned := planned + 1;
    ELSIF item.answer ->> 'outcome' = 'undecided' THEN
      undecided := undecided || jsonb_build_object(item.answer ->> 'why', coalesce((undecided ->> (item.answer ->> 'why'))::int, 0) + 1);
    ELSE
      before := before + 1;
      IF before <= ${MAX_FAILING_STATEMENTS} THEN
        SELECT w.* INTO statement FROM trueup.workload_statements w
          WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash AND w.number = item.number;
        failing := failing || jsonb_build_object('text', left(statement.statement, ${MAX_TEXT_LENGTH}), 'calls', statement.calls,
          'answer', item.answer - 'ms');
      END IF;
    END IF;
  END LOOP;
  RETURN jsonb_build_object('statements', total, 'plan', planned, 'failing', before, 'notRecorded', not_recorded,
    'undecided', undecided, 'broken', broken, 'named', named, 'failed', failing);
END
$fn$`,
];

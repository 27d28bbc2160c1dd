/**
 * Live statements are those that pg_stat_statements shows the database to have run. Their texts are read and planned
 * on the server, and are not stored anywhere. Only the fingerprint, the role and the number of calls are stored.
 */

/**
 * After a deployment the old application keeps running for a while; its statements in that time are not those of the
 * new one.
 */
const LIVE_GRACE_INTERVAL = "interval '30 minutes'";
/** How long a statement is remembered after it last ran. */
const RETENTION_INTERVAL = "interval '90 days'";
const MAX_KEPT_STATEMENTS = 10_000;
/** Limit for the statements planned before a migration; those that run most often are chosen. */
const MAX_LIVE_STATEMENTS = 1_000;
/** Advisory lock that keeps two sessions from counting at once. It is only tried, never waited for. */
const LIVE_LOCK_KEY = '0x7472756575700002';

/** Returns the fingerprint, by the expression that docs/workload-guard.md shows for looking up a text. */
export const buildFingerprintSql = (query: string): string =>
  `left(encode(sha256(convert_to(${query}, getdatabaseencoding())), 'hex'), 16)`;

/** Roles that belong to the hosted service and not to the application. */
const SERVICE_ROLES = `'{rdsadmin,rdsproxyadmin,rdsrepladmin,rdstopmgr}'::text[]`;

/**
 * Matches a text that begins, after comments, with a statement that the server plans; EXPLAIN and utility commands do
 * not match.
 */
const PLANNABLE_PATTERN = String.raw`'^(\s|/\*([^*]|\*[^/])*\*/|--[^\n]*\n|\()*(select|insert|update|delete|merge|with|values|table)\M'`;

/**
 * The setting of a role's search path that is in effect in a session of this database; see
 * lib/workload/sources/statistics.ts.
 */
const ROLE_SEARCH_PATH_SQL = `(SELECT substr(setting, length('search_path=') + 1)
      FROM pg_db_role_setting d, unnest(d.setconfig) AS setting
      WHERE d.setrole IN (s.userid, 0) AND d.setdatabase IN (s.dbid, 0) AND starts_with(setting, 'search_path=')
      ORDER BY (d.setrole <> 0) DESC, (d.setdatabase <> 0) DESC LIMIT 1)`;

/**
 * Returns a hash that is equal for different spellings of a text: case, white space, comments and parameter numbers
 * are ignored.
 */
const buildSpellingSql = (text: string): string =>
  String.raw`md5(regexp_replace(lower(${text}), '/\*([^*]|\*[^/])*\*/|;\s*$|\s+|\$\d+', '', 'g'))`;

export const LIVE_FUNCTIONS_SQL: readonly string[] = [
  // Returns a call of the extension's function. NULL if it is not installed, or if the texts of other roles are
  // hidden from the login: an entry that becomes visible later would look like a new one. The function is called
  // directly, not the view, and must be in C: the owner of the extension can add a view of that name to it, but only
  // a superuser can create a function in C.
  `CREATE OR REPLACE FUNCTION trueup._live_source() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT format('%I.pg_stat_statements(true)', n.nspname) FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    JOIN pg_proc p ON p.oid = d.objid AND p.proname = 'pg_stat_statements' AND p.proargtypes = '16'::oidvector
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
    JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE e.extname = 'pg_stat_statements' AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
$fn$`,

  // Excludes the statements of superusers, of Trueup itself, and those that run inside functions.
  `CREATE OR REPLACE FUNCTION trueup._read_live_statements()
RETURNS TABLE (role text, fingerprint text, calls bigint, statement text, path text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT r.rolname::text, ${buildFingerprintSql('s.query')}, sum(s.calls)::bigint, min(s.query), min(${ROLE_SEARCH_PATH_SQL})
    FROM %s s JOIN pg_roles r ON r.oid = s.userid
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND NOT r.rolsuper AND r.rolname <> ALL (${SERVICE_ROLES}) AND r.rolname NOT IN (session_user, current_user)
      AND s.query ~* ${PLANNABLE_PATTERN.replaceAll('%', '%%')} AND s.query !~* '\\mtrueup\\M' AND octet_length(s.query) < 100000 %s
    GROUP BY 1, 2$q$, trueup._live_source(),
    CASE WHEN current_setting('server_version_num')::int >= 140000 THEN 'AND s.toplevel' ELSE '' END);
END
$fn$`,

  // Counts once more. A statement that has more calls than last time, or that is new, ran since; fewer calls mean
  // that the statistics were reset. `own` lists the roles that Trueup acts as. Returns false if there is no
  // guaranteed workload, if nothing can be read, or if another session is counting.
  `CREATE OR REPLACE FUNCTION trueup._count_live_statements(own text[] DEFAULT '{}') RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  moment timestamptz := clock_timestamp();
  last timestamptz := (SELECT l.live_counted_at FROM trueup.ledger l);
BEGIN
  IF NOT EXISTS (SELECT FROM trueup.namespaces n WHERE n.workload IS NOT NULL) OR trueup._live_source() IS NULL
    OR NOT pg_try_advisory_xact_lock(${BigInt(LIVE_LOCK_KEY)}) THEN
    RETURN false;
  END IF;
  INSERT INTO trueup.live_statements AS l (role, fingerprint, calls, ran_after, seen_at)
  SELECT s.role, s.fingerprint, s.calls, last, moment FROM trueup._read_live_statements() s WHERE s.role <> ALL (own)
  ON CONFLICT (role, fingerprint) DO UPDATE SET calls = excluded.calls, ran_after = excluded.ran_after, seen_at = excluded.seen_at
    WHERE l.calls <> excluded.calls;
  DELETE FROM trueup.live_statements l WHERE l.seen_at < moment - ${RETENTION_INTERVAL}
    OR l.number IN (SELECT o.number FROM trueup.live_statements o ORDER BY o.seen_at DESC, o.number OFFSET ${MAX_KEPT_STATEMENTS});
  UPDATE trueup.ledger SET live_counted_at = moment;
  RETURN true;
-- The library is not loaded, or the ledger is not ours to write: nothing that a deployment or a check should fail for.
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END
$fn$`,

  // Returns the live statements to guard, with their texts for _plan. A migration that breaks one is refused only if
  // the statement certainly ran since the last successful deployment, or within workloadDays; otherwise it is a
  // warning. Statements that the workload also contains are left out.
  `CREATE OR REPLACE FUNCTION trueup._select_live_statements(asked jsonb, hash text)
RETURNS TABLE (number int, refuses boolean, question jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  since timestamptz := (SELECT max(d.finished_at) FROM trueup.deployments d
    WHERE d.namespace = asked ->> 'namespace' AND d.outcome = 'done') + ${LIVE_GRACE_INTERVAL};
  day timestamptz := clock_timestamp() - coalesce((asked ->> 'workloadDays')::int, 0) * interval '1 day';
BEGIN
  IF trueup._live_source() IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT -l.number, coalesce(l.ran_after >= since OR l.ran_after >= day, false),
      jsonb_build_object('text', s.statement, 'role', s.role, 'path', s.path)
    FROM trueup._read_live_statements() s JOIN trueup.live_statements l ON l.role = s.role AND l.fingerprint = s.fingerprint
    WHERE NOT EXISTS (SELECT FROM trueup.workload_statements w WHERE w.namespace = asked ->> 'namespace' AND w.workload = hash
      AND (w.role IS NULL OR w.role = s.role) AND ${buildSpellingSql('w.statement')} = ${buildSpellingSql('s.statement')})
    ORDER BY l.calls DESC, l.number LIMIT ${MAX_LIVE_STATEMENTS};
EXCEPTION WHEN OTHERS THEN
  RETURN;
END
$fn$`,

  // Plans the live statements together with the guaranteed workload. Those that plan now and use a table are guarded
  // in the same way.
  `CREATE OR REPLACE FUNCTION trueup._plan_live_statements(asked jsonb, hash text, budget_ms float8) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  numbers int[]; refusing boolean[]; questions jsonb;
BEGIN
  PERFORM trueup._count_live_statements(ARRAY(SELECT jsonb_array_elements_text(coalesce(asked -> 'own', '[]'))));
  SELECT array_agg(x.number), array_agg(x.refuses), jsonb_agg(x.question) INTO numbers, refusing, questions
    FROM trueup._select_live_statements(asked, hash) x;
  INSERT INTO trueup.deployment_plans (namespace, deployment, number, verdict)
  SELECT asked ->> 'namespace', asked ->> 'deployment', numbers[x.place],
    x.answer || jsonb_build_object('live', CASE WHEN refusing[x.place] THEN 'refuses' ELSE 'warns' END)
  FROM jsonb_array_elements(trueup._plan(jsonb_build_object('budgetMs', budget_ms, 'outlives', true, 'statements', questions)))
    WITH ORDINALITY AS x (answer, place)
  WHERE questions IS NOT NULL AND x.answer ->> 'outcome' = 'plans' AND x.answer -> 'relations' <> '[]';
  RETURN true;
END
$fn$`,

  // Returns the texts of live statements for _plan, by number. Those that no longer exist are left out.
  `CREATE OR REPLACE FUNCTION trueup._read_live_texts(numbers int[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  RETURN (SELECT jsonb_object_agg(-l.number, jsonb_build_object('text', s.statement, 'role', s.role, 'path', s.path))
    FROM trueup._read_live_statements() s JOIN trueup.live_statements l ON l.role = s.role AND l.fingerprint = s.fingerprint
    WHERE -l.number = ANY (numbers));
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$fn$`,

  // Returns a guarded statement for display; for a live one, without its text.
  `CREATE OR REPLACE FUNCTION trueup._describe_guarded_statement(of_namespace text, hash text, n int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT coalesce(
    (SELECT trueup._describe_statement(w) FROM trueup.workload_statements w WHERE w.namespace = of_namespace AND w.workload = hash AND w.number = n),
    (SELECT jsonb_build_object('text', format('live statement %s', l.fingerprint), 'role', l.role, 'calls', l.calls,
      'fingerprint', l.fingerprint) FROM trueup.live_statements l WHERE l.number = -n))
$fn$`,
];

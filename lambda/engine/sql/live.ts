/**
 * Live statements: what the database was seen to run, by pg_stat_statements. A text is read on the server, is planned there,
 * and is kept nowhere; kept are its fingerprint, its role and how often it ran.
 */

/** After a deployment the old application runs on for a while: what it sends then says nothing of the new one. */
export const GRACE = "interval '30 minutes'";
/** What did not run for so long is forgotten. */
const KEPT = "interval '90 days'";
const MOST_KEPT = 10_000;
/** More are not planned before a migration; those that run most often are. */
export const MOST_LIVE = 1_000;
/** Between two that count at once; not waited for. */
const LIVE_LOCK = '0x7472756575700002';

/** As docs/workload-guard.md prints it, for who looks a text up. */
export const fingerprintOf = (query: string): string =>
  `left(encode(sha256(convert_to(${query}, getdatabaseencoding())), 'hex'), 16)`;

/** Those who run the service, not the application. */
const OF_THE_SERVICE = `'{rdsadmin,rdsproxyadmin,rdsrepladmin,rdstopmgr}'::text[]`;

/** What the server plans, behind comments; no EXPLAIN, no command. */
const PLANNABLE = String.raw`'^(\s|/\*([^*]|\*[^/])*\*/|--[^\n]*\n|\()*(select|insert|update|delete|merge|with|values|table)\M'`;

/** The entry of a role's search path that counts in a session of this database; see lib/workload/sources/statistics.ts. */
const PATH = `(SELECT substr(setting, length('search_path=') + 1)
      FROM pg_db_role_setting d, unnest(d.setconfig) AS setting
      WHERE d.setrole IN (s.userid, 0) AND d.setdatabase IN (s.dbid, 0) AND starts_with(setting, 'search_path=')
      ORDER BY (d.setrole <> 0) DESC, (d.setdatabase <> 0) DESC LIMIT 1)`;

/** Two spellings of a text come to the same: neither white space nor the numbers of parameters tell them apart. */
export const spelling = (text: string): string =>
  String.raw`md5(regexp_replace(lower(${text}), '/\*([^*]|\*[^/])*\*/|;\s*$|\s+|\$\d+', '', 'g'))`;

export const LIVE: readonly string[] = [
  // The view of the extension; null where there is none, or where the texts of other roles are hidden from who asks: an entry
  // that comes into sight would be taken for one that is new.
  `CREATE OR REPLACE FUNCTION trueup._live_view() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT c.oid::regclass::text FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class c ON c.oid = d.objid AND c.relname = 'pg_stat_statements'
  WHERE e.extname = 'pg_stat_statements' AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
$fn$`,

  // Of superusers and Trueup itself nothing counts, and what a function runs is its own affair.
  `CREATE OR REPLACE FUNCTION trueup._live_seen()
RETURNS TABLE (role text, fingerprint text, calls bigint, statement text, path text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT r.rolname::text, ${fingerprintOf('s.query')}, sum(s.calls)::bigint, min(s.query), min(${PATH})
    FROM %s s JOIN pg_roles r ON r.oid = s.userid
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND NOT r.rolsuper AND r.rolname <> ALL (${OF_THE_SERVICE}) AND r.rolname NOT IN (session_user, current_user)
      AND s.query ~* ${PLANNABLE.replaceAll('%', '%%')} AND s.query !~* '\\mtrueup\\M' AND octet_length(s.query) < 100000 %s
    GROUP BY 1, 2$q$, trueup._live_view(),
    CASE WHEN current_setting('server_version_num')::int >= 140000 THEN 'AND s.toplevel' ELSE '' END);
END
$fn$`,

  // Counts once more: what has more calls than at the last look, or other ones, or is new, ran since. Fewer calls are a reset.
  // own: roles that Trueup acts as. False where nothing is promised, nothing can be read, or somebody else counts just now.
  `CREATE OR REPLACE FUNCTION trueup._record_live(own text[] DEFAULT '{}') RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  moment timestamptz := clock_timestamp();
  last timestamptz := (SELECT l.live_at FROM trueup.ledger l);
BEGIN
  IF NOT EXISTS (SELECT FROM trueup.namespaces n WHERE n.promise IS NOT NULL) OR trueup._live_view() IS NULL
    OR NOT pg_try_advisory_xact_lock(${BigInt(LIVE_LOCK)}) THEN
    RETURN false;
  END IF;
  INSERT INTO trueup.live AS l (role, fingerprint, calls, ran_after, seen_at)
  SELECT s.role, s.fingerprint, s.calls, last, moment FROM trueup._live_seen() s WHERE s.role <> ALL (own)
  ON CONFLICT (role, fingerprint) DO UPDATE SET calls = excluded.calls, ran_after = excluded.ran_after, seen_at = excluded.seen_at
    WHERE l.calls <> excluded.calls;
  DELETE FROM trueup.live l WHERE l.seen_at < moment - ${KEPT}
    OR l.number IN (SELECT o.number FROM trueup.live o ORDER BY o.seen_at DESC, o.number OFFSET ${MOST_KEPT});
  UPDATE trueup.ledger SET live_at = moment;
  RETURN true;
-- The library is not loaded, or the ledger is not ours to write: nothing that a deployment or a check should fail for.
EXCEPTION WHEN OTHERS THEN
  RETURN false;
END
$fn$`,

  // Which live statements are guarded, with their texts for _plan. Refused is what certainly ran since the last deployment
  // that succeeded, or within workloadDays; what was only seen before is told. What the workload has too is left to it.
  `CREATE OR REPLACE FUNCTION trueup._live_asked(asked jsonb, hash text)
RETURNS TABLE (number int, refuses boolean, question jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
#variable_conflict use_column
DECLARE
  since timestamptz := (SELECT max(d.finished_at) FROM trueup.deployments d
    WHERE d.namespace = asked ->> 'namespace' AND d.outcome = 'done') + ${GRACE};
  day timestamptz := clock_timestamp() - coalesce((asked ->> 'workloadDays')::int, 0) * interval '1 day';
BEGIN
  IF trueup._live_view() IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT -l.number, coalesce(l.ran_after >= since OR l.ran_after >= day, false),
      jsonb_build_object('text', s.statement, 'role', s.role, 'path', s.path)
    FROM trueup._live_seen() s JOIN trueup.live l ON l.role = s.role AND l.fingerprint = s.fingerprint
    WHERE NOT EXISTS (SELECT FROM trueup.workload w WHERE w.namespace = asked ->> 'namespace' AND w.promise = hash
      AND (w.role IS NULL OR w.role = s.role) AND ${spelling('w.statement')} = ${spelling('s.statement')})
    ORDER BY l.calls DESC, l.number LIMIT ${MOST_LIVE};
EXCEPTION WHEN OTHERS THEN
  RETURN;
END
$fn$`,

  // With the running promise: those that plan now, and touch a table, are guarded like it.
  `CREATE OR REPLACE FUNCTION trueup._live_before(asked jsonb, hash text, budget_ms float8) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  numbers int[]; refusing boolean[]; questions jsonb;
BEGIN
  PERFORM trueup._record_live(ARRAY(SELECT jsonb_array_elements_text(coalesce(asked -> 'own', '[]'))));
  SELECT array_agg(x.number), array_agg(x.refuses), jsonb_agg(x.question) INTO numbers, refusing, questions
    FROM trueup._live_asked(asked, hash) x;
  INSERT INTO trueup.answers (namespace, deployment, number, answer)
  SELECT asked ->> 'namespace', asked ->> 'deployment', numbers[x.place],
    x.answer || jsonb_build_object('live', CASE WHEN refusing[x.place] THEN 'refuses' ELSE 'warns' END)
  FROM jsonb_array_elements(trueup._plan(jsonb_build_object('budgetMs', budget_ms, 'outlives', true, 'statements', questions)))
    WITH ORDINALITY AS x (answer, place)
  WHERE questions IS NOT NULL AND x.answer ->> 'outcome' = 'plans' AND x.answer -> 'relations' <> '[]';
  RETURN true;
END
$fn$`,

  // Texts of live statements for _plan, by number. One that is no longer there is left out.
  `CREATE OR REPLACE FUNCTION trueup._live_questions(numbers int[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  RETURN (SELECT jsonb_object_agg(-l.number, jsonb_build_object('text', s.statement, 'role', s.role, 'path', s.path))
    FROM trueup._live_seen() s JOIN trueup.live l ON l.role = s.role AND l.fingerprint = s.fingerprint
    WHERE -l.number = ANY (numbers));
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$fn$`,

  // A guarded statement as a person reads it: of a live one no text.
  `CREATE OR REPLACE FUNCTION trueup._sent(of_namespace text, hash text, n int) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT coalesce(
    (SELECT trueup._named(w) FROM trueup.workload w WHERE w.namespace = of_namespace AND w.promise = hash AND w.number = n),
    (SELECT jsonb_build_object('text', format('live statement %s', l.fingerprint), 'role', l.role, 'calls', l.calls,
      'fingerprint', l.fingerprint) FROM trueup.live l WHERE l.number = -n))
$fn$`,
];

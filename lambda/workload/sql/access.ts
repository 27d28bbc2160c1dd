/** What the server's catalogue says of all statements at once: names, functions, and what their roles may do. */
import { FIRST_OID } from './trust';

/**
 * The privileges that a statement needs of a relation. Words decide: the plan hides views. Where they leave it open
 * (several verbs in one WITH), nothing is asked rather than too much.
 */
export const NEEDS = `
  verbs := array_remove(ARRAY[CASE WHEN words && '{insert}' THEN 'INSERT' END, CASE WHEN words && '{update}' THEN 'UPDATE' END,
    CASE WHEN words && '{delete}' THEN 'DELETE' END], NULL);
  reads := words && '{merge}' OR words && '{returning}'
    OR CASE WHEN words && '{insert}' THEN words @> '{conflict,update}' ELSE words && '{where}' END;
  IF words && '{with}' AND cardinality(verbs) > 1 THEN verbs := '{}'; reads := false; END IF;`;

/** Does the text call a function of this name? */
const CALLS = String.raw`s.question->>'text' ~* ('\m' || regexp_replace(f.called, '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*\(')`;

/**
 * The answers, each with what was kept beside it (`_`) turned into names. A role needs privileges on what the statement
 * itself names; what a view names, the view's owner needs, unless the view is one of `security_invoker`.
 */
export const WITH_CATALOGUE = `
  WITH RECURSIVE statement AS MATERIALIZED (
    SELECT a.n, a.answer, a.answer->'_' AS kept, s.question, r.oid AS role_oid, r.rolname AS role_name
    FROM unnest(answers) WITH ORDINALITY AS a (answer, n)
      JOIN jsonb_array_elements(asked->'statements') WITH ORDINALITY AS s (question, n) ON s.n = a.n
      LEFT JOIN pg_roles r ON r.rolname = s.question->>'role'),
  word AS MATERIALIZED (
    SELECT DISTINCT s.n, w.word FROM statement s, jsonb_array_elements_text(s.kept->'words') AS w (word)),
  -- What it needs of its statement comes along: joined again, ten thousand statements are joined by nested loops.
  met AS MATERIALIZED (
    SELECT s.n, s.role_oid, s.kept->'words' AS words, l.*, c.relname, c.relnamespace, n.nspname,
      format('%I.%I', n.nspname, c.relname) AS label,
      array_position(ARRAY(SELECT jsonb_array_elements_text(s.kept->'searched')), n.nspname::text) AS place
    FROM statement s
      CROSS JOIN LATERAL (
        SELECT o.oid::oid AS oid, bool_or(s.kept->'assumed' ? o.oid) AS assumed,
          bool_or(s.kept->'modes'->>(o.place::int - 1) = 'RowExclusiveLock') AS written,
          bool_or(s.kept->'modes'->>(o.place::int - 1) = 'RowShareLock') AS marked
        FROM jsonb_array_elements_text(s.kept->'oids') WITH ORDINALITY AS o (oid, place) GROUP BY 1) AS l
      JOIN pg_class c ON c.oid = l.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')),
  field AS (
    SELECT m.n, jsonb_object_agg(format('%s.%I', m.label, a.attname), format_type(a.atttypid, a.atttypmod)) AS fields
    FROM met m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND m.words ? lower(a.attname::text COLLATE "C")
    GROUP BY m.n),
  named AS MATERIALIZED (
    SELECT m.*, row_number() OVER (PARTITION BY m.n, m.relname ORDER BY m.place) = 1
      OR m.words ? lower(m.nspname::text COLLATE "C") AS itself
    FROM met m WHERE m.role_oid IS NOT NULL AND m.words ? lower(m.relname::text COLLATE "C")),
  reached (n, oid, role_oid) AS (
    SELECT n, oid, role_oid FROM named WHERE itself
    UNION
    SELECT a.n, d.refobjid, CASE WHEN 'security_invoker=true' = ANY (v.reloptions) THEN a.role_oid ELSE v.relowner END
    FROM reached a JOIN pg_class v ON v.oid = a.oid AND v.relkind = 'v'
      JOIN pg_rewrite r ON r.ev_class = v.oid AND r.rulename = '_RETURN'
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid),
  need AS MATERIALIZED (
    SELECT a.n, a.oid, a.role_oid, p.privilege
    FROM reached a JOIN statement s ON s.n = a.n LEFT JOIN met l ON l.n = a.n AND l.oid = a.oid, LATERAL unnest(CASE
      WHEN l.written THEN
        ARRAY(SELECT jsonb_array_elements_text(s.kept->'verbs')) || CASE WHEN (s.kept->>'reads')::boolean THEN '{SELECT}'::text[] END
      WHEN l.marked THEN '{SELECT,UPDATE}'::text[]
      ELSE '{SELECT}'::text[] END) AS p (privilege)),
  held AS MATERIALIZED (
    SELECT d.*, c.relkind, format('%I.%I', n.nspname, c.relname) AS label,
      has_table_privilege(d.role_oid, d.oid, d.privilege) AS whole,
      d.privilege <> 'DELETE' AND has_any_column_privilege(d.role_oid, d.oid, nullif(d.privilege, 'DELETE')) AS partly,
      c.relrowsecurity AND NOT (r.rolsuper OR r.rolbypassrls)
        AND (c.relforcerowsecurity OR NOT pg_has_role(d.role_oid, c.relowner, 'USAGE')) AS filtered
    FROM (SELECT DISTINCT oid, role_oid, privilege FROM need) AS d
      JOIN pg_class c ON c.oid = d.oid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = d.role_oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')),
  policy AS (
    SELECT d.n, h.label, bool_or(NOT EXISTS (SELECT FROM pg_policy p
      WHERE p.polrelid = h.oid AND p.polpermissive
        AND p.polcmd IN ('*', CASE h.privilege WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w' ELSE 'd' END)
        AND EXISTS (SELECT FROM unnest(p.polroles) AS allowed
          WHERE CASE allowed WHEN 0 THEN true ELSE pg_has_role(h.role_oid, allowed, 'USAGE') END))) AS denied
    FROM need d JOIN held h USING (oid, role_oid, privilege) WHERE h.filtered GROUP BY d.n, h.label),
  callable AS MATERIALIZED (
    SELECT f.oid, lower(f.proname::text COLLATE "C") AS called
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE f.oid >= ${FIRST_OID} AND n.nspname <> 'trueup'),
  call AS MATERIALIZED (
    SELECT s.n, f.oid::regprocedure::text AS signature, has_function_privilege(s.role_oid, f.oid, 'EXECUTE') AS allowed
    FROM callable f JOIN word w ON w.word = f.called JOIN statement s ON s.n = w.n WHERE ${CALLS}),
  may AS (
    SELECT d.n, h.privilege || ' ' || h.label AS what, CASE WHEN h.whole THEN 'has' WHEN h.partly THEN 'partly' ELSE 'lacks' END AS how
    FROM need d JOIN held h USING (oid, role_oid, privilege)
    UNION SELECT n, format('USAGE %I', nspname), 'lacks' FROM named
      WHERE itself AND NOT has_schema_privilege(role_oid, relnamespace, 'USAGE')
    UNION SELECT n, 'EXECUTE ' || signature, CASE WHEN allowed THEN 'has' ELSE 'lacks' END FROM call WHERE allowed IS NOT NULL)
  SELECT jsonb_agg(jsonb_strip_nulls(s.answer - '_' || jsonb_build_object(
      'relations', coalesce(m.relations, '[]'), 'assumed', m.assumed, 'columns', f.fields, 'functions', c.functions, 'rowSecurity', p.security,
      'privileges', CASE WHEN s.role_oid IS NOT NULL AND jsonb_typeof(s.kept) = 'object' THEN
        jsonb_build_object('role', s.role_name, 'has', y.has, 'partly', y.partly, 'lacks', y.lacks) END)) ORDER BY s.n)
    INTO verdicts
  FROM statement s
    LEFT JOIN (SELECT n, jsonb_agg(DISTINCT label ORDER BY label) AS relations,
      jsonb_agg(DISTINCT label ORDER BY label) FILTER (WHERE assumed) AS assumed FROM met GROUP BY n) AS m ON m.n = s.n
    LEFT JOIN field f ON f.n = s.n
    LEFT JOIN (SELECT n, jsonb_agg(DISTINCT signature ORDER BY signature) AS functions FROM call GROUP BY n) AS c ON c.n = s.n
    LEFT JOIN (SELECT n, jsonb_object_agg(label, CASE WHEN denied THEN 'denied' ELSE 'policies' END) AS security
      FROM policy GROUP BY n) AS p ON p.n = s.n
    LEFT JOIN (SELECT n, jsonb_agg(what ORDER BY what) FILTER (WHERE how = 'has') AS has,
      jsonb_agg(what ORDER BY what) FILTER (WHERE how = 'partly') AS partly,
      jsonb_agg(what ORDER BY what) FILTER (WHERE how = 'lacks') AS lacks FROM may GROUP BY n) AS y ON y.n = s.n;`;

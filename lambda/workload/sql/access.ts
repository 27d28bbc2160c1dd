/**
 * Adds facts of the catalog to the answers of all statements at once: names, functions, and privileges of their roles.
 */
import { FIRST_OID } from '../../sql/trust';
import { PLACES } from './places';

/**
 * Determines the privileges that a statement needs on a relation, by its keywords: a plan does not show views. If these
 * are ambiguous (several verbs in one WITH), no privilege is required.
 */
export const NEEDED_PRIVILEGES_SQL = `
  verbs := array_remove(ARRAY[CASE WHEN words && '{insert}' THEN 'INSERT' END, CASE WHEN words && '{update}' THEN 'UPDATE' END,
    CASE WHEN words && '{delete}' THEN 'DELETE' END], NULL);
  reads := words && '{merge}' OR words && '{returning}'
    OR CASE WHEN words && '{insert}' THEN words @> '{conflict,update}' ELSE words && '{where}' END;
  IF words && '{with}' AND cardinality(verbs) > 1 THEN verbs := '{}'; reads := false; END IF;`;

/** Whether the text calls a function of this name. */
const IS_CALLED_SQL = String.raw`s.question->>'text' ~* ('\m' || regexp_replace(f.called, '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*\(')`;

/** Whether the text has this schema before a dot. */
const IS_QUALIFIER_SQL = String.raw`s.question->>'text' ~* ('\m' || regexp_replace(q.called, '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*\.')`;

/** The catalog keeps the option as it was written: `on`, `1`, `yes`, `TRUE`. */
const IS_SECURITY_INVOKER_SQL = String.raw`EXISTS (SELECT FROM unnest(v.reloptions) AS option
        WHERE option LIKE 'security\_invoker=%' AND split_part(option, '=', 2)::boolean)`;

/** Whether the SET list of the text assigns a value to this column. */
const IS_ASSIGNED_SQL = String.raw`EXISTS (SELECT FROM pg_attribute a, LATERAL (SELECT regexp_replace(a.attname, '([^[:alnum:]_])', '\\\1', 'g') AS name) AS x
        WHERE a.attrelid = c.relation AND a.attnum = ANY (c.columns)
          AND s.question->>'text' ~* ('(\yset\s+|,\s*)"?' || x.name || '"?\s*=|\yset\s*\([^()]*[(,"\s]' || x.name || '["\s,)][^()=]*=|\yset\s*\("?' || x.name || '"?\s*\)\s*='))`;

/**
 * Expressions that the server evaluates when a row is written, as trees. They run with the privileges of the role that
 * sends the statement, even if it goes through a view. What each of them requires is the same on PostgreSQL 13 and 18.
 * A virtual generated column cannot call such functions.
 */
const EXPRESSIONS_SQL = `
      SELECT 'default' AS kind, '{Insert,Update}'::text[] AS commands, ARRAY[a.adnum] AS columns, a.adbin::text AS tree
        FROM pg_attrdef a JOIN pg_attribute f ON f.attrelid = a.adrelid AND f.attnum = a.adnum WHERE a.adrelid = r.oid AND f.attgenerated = ''
      UNION ALL SELECT 'default', '{Insert,Update}', ARRAY[a.attnum], t.typdefaultbin::text
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.atthasdef AND t.typtype = 'd' AND t.typdefaultbin IS NOT NULL
      UNION ALL SELECT 'columns', '{Insert,Update}',
          ARRAY(SELECT d.refobjsubid::int2 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.adrelid
            -- Before PostgreSQL 15 the column depends on them.
            AND (d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
              OR d.classid = 'pg_class'::regclass AND d.objid = a.adrelid AND d.objsubid = a.adnum)), a.adbin::text
        FROM pg_attrdef a JOIN pg_attribute f ON f.attrelid = a.adrelid AND f.attnum = a.adnum WHERE a.adrelid = r.oid AND f.attgenerated = 's'
      UNION ALL SELECT 'columns', '{Insert,Update}', ARRAY[d.attnum], k.conbin::text
        FROM domains d JOIN pg_constraint k ON k.contypid = d.base AND k.contype = 'c' WHERE d.attrelid = r.oid
      UNION ALL SELECT 'row', '{Insert,Update}', '{}', k.conbin::text FROM pg_constraint k
        WHERE k.conrelid = r.oid AND k.contype = 'c' AND coalesce((to_jsonb(k)->>'conenforced')::boolean, true)
      UNION ALL SELECT 'row', '{Insert,Update}', '{}', concat(i.indexprs, i.indpred) FROM pg_index i WHERE i.indrelid = r.oid AND i.indisready
      UNION ALL SELECT 'row', '{Insert,Update}', '{}', p.partexprs::text
        FROM pg_partition_ancestors(r.oid) AS up (oid) JOIN pg_partitioned_table p ON p.partrelid = up.oid
      UNION ALL SELECT CASE WHEN g.tgattr = '' THEN 'row' ELSE 'columns' END, array_remove(ARRAY[CASE WHEN g.tgtype::int & 4 > 0 THEN 'Insert' END,
          CASE WHEN g.tgtype::int & 8 > 0 THEN 'Delete' END, CASE WHEN g.tgtype::int & 16 > 0 THEN 'Update' END], NULL), g.tgattr::int2[], g.tgqual::text
        FROM pg_trigger g WHERE g.tgrelid = r.oid AND g.tgqual IS NOT NULL AND g.tgenabled NOT IN ('D', 'R')`;

const buildTreeFunctionsSql = (tree: string): string =>
  String.raw`LATERAL (SELECT (regexp_matches(${tree}, ':(?:op)?funcid (\d+)', 'g'))[1]::oid AS oid) AS f`;

/**
 * Lists the functions and sequences that the statement uses indirectly and its role may not use, as `[what, where]`. The
 * rules are the same before and after a migration.
 */
const UNDERLYING_ACCESS_SQL = `
  enum AS MATERIALIZED (
    SELECT e.enumtypid AS oid, format_type(e.enumtypid, NULL) AS name, jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) AS labels
    FROM pg_enum e WHERE e.enumtypid >= ${FIRST_OID} GROUP BY 1),
  label AS (
    SELECT u.n, jsonb_object_agg(e.name, e.labels) AS labels FROM (
      SELECT m.n, a.atttypid AS oid FROM met m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid >= ${FIRST_OID} AND m.words ? lower(a.attname::text COLLATE "C") WHERE EXISTS (SELECT FROM enum)
      UNION SELECT s.n, i.id::oid FROM statement s, jsonb_array_elements_text(nullif(s.answer->'ids', 'null')) AS i (id)) AS u
      JOIN pg_type t ON t.oid = u.oid JOIN enum e ON e.oid IN (t.oid, t.typelem) GROUP BY u.n),
  shown AS (
    SELECT m.n, jsonb_object_agg(format('%s.%I', m.label, a.attname), format_type(a.atttypid, a.atttypmod)) AS columns
    FROM met m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped AND m.shown ? a.attname::text
      JOIN pg_type t ON t.oid = a.atttypid AND (t.typmodin <> 0 OR t.typelem <> 0 AND EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typmodin <> 0))
    GROUP BY m.n),
  barred AS MATERIALIZED (
    SELECT r.role_oid, f.oid FROM (SELECT DISTINCT role_oid FROM statement WHERE role_oid IS NOT NULL) AS r, pg_proc f
    WHERE f.proacl IS NOT NULL AND NOT has_function_privilege(r.role_oid, f.oid, 'EXECUTE')),
  put AS MATERIALIZED (
    SELECT s.n, s.role_oid, w.pair->>0 AS command, (w.pair->>1)::oid AS oid
    FROM statement s, jsonb_array_elements(s.kept->'writes') AS w (pair) WHERE s.role_oid IS NOT NULL),
  -- A row may go to any partition. This joins once per relation, not once per statement.
  part (root, oid) AS (
    SELECT DISTINCT oid, oid FROM put
    UNION SELECT p.root, i.inhrelid FROM part p JOIN pg_class c ON c.oid = p.oid AND c.relkind = 'p' JOIN pg_inherits i ON i.inhparent = p.oid),
  domains (attrelid, attnum, base) AS (
    SELECT a.attrelid, a.attnum, t.oid FROM (SELECT DISTINCT oid FROM part) AS r JOIN pg_attribute a ON a.attrelid = r.oid AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid AND t.typtype = 'd'
    UNION SELECT d.attrelid, d.attnum, b.oid FROM domains d JOIN pg_type t ON t.oid = d.base JOIN pg_type b ON b.oid = t.typbasetype AND b.typtype = 'd'),
  called AS MATERIALIZED (
    SELECT DISTINCT r.oid AS relation, made.kind, made.commands, made.columns, f.oid
    FROM (SELECT DISTINCT oid FROM part) AS r, LATERAL (${EXPRESSIONS_SQL}) AS made, ${buildTreeFunctionsSql('made.tree')}
    WHERE f.oid IN (SELECT oid FROM barred)),
  behind AS (
    SELECT p.n, 'EXECUTE ' || c.oid::regprocedure::text AS what, c.relation
    FROM called c JOIN part ON part.oid = c.relation JOIN put p ON p.oid = part.root AND p.command = ANY (c.commands)
        AND (p.command = 'Insert' OR part.oid = part.root)
      JOIN barred b ON b.role_oid = p.role_oid AND b.oid = c.oid JOIN statement s ON s.n = p.n
    WHERE CASE WHEN c.kind = 'default' THEN s.kept->'defaults' @> jsonb_build_array(jsonb_build_array(c.relation::text, c.columns[1]))
      WHEN c.kind = 'columns' AND p.command = 'Update' THEN ${IS_ASSIGNED_SQL} ELSE true END
    UNION SELECT s.n, 'EXECUTE ' || f.oid::regprocedure::text, h.oid
    FROM need d JOIN held h USING (oid, role_oid, privilege) JOIN statement s ON s.n = d.n JOIN pg_policy p ON p.polrelid = h.oid
        AND p.polcmd IN ('*', CASE h.privilege WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w' ELSE 'd' END)
        AND EXISTS (SELECT FROM unnest(p.polroles) AS allowed
          WHERE CASE allowed WHEN 0 THEN true ELSE pg_has_role(h.role_oid, allowed, 'USAGE') END),
      ${buildTreeFunctionsSql("CASE h.privilege WHEN 'INSERT' THEN coalesce(p.polwithcheck, p.polqual)::text WHEN 'UPDATE' THEN concat(p.polqual, p.polwithcheck) ELSE p.polqual::text END")}
      JOIN barred b ON b.oid = f.oid WHERE h.filtered AND b.role_oid = s.role_oid
    UNION SELECT s.n, 'USAGE ' || format('%I.%I', q.nspname, c.relname), x.refobjid
    FROM statement s CROSS JOIN LATERAL (
        SELECT d.refobjid AS taken, 'USAGE, UPDATE' AS privilege, a.adrelid AS refobjid
          FROM jsonb_array_elements(s.kept->'defaults') AS u (pair) JOIN pg_attrdef a ON a.adrelid = (u.pair->>0)::oid AND a.adnum = (u.pair->>1)::int
            JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
        UNION ALL SELECT d.refobjid, 'USAGE, UPDATE', a.attrelid
          FROM jsonb_array_elements(s.kept->'defaults') AS u (pair) JOIN pg_attribute a ON a.attrelid = (u.pair->>0)::oid AND a.attnum = (u.pair->>1)::int
            JOIN pg_type t ON t.oid = a.atttypid AND t.typtype = 'd' AND NOT a.atthasdef
            JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_class'::regclass
        UNION ALL SELECT (u.triple->>0)::oid, u.triple->>1, (u.triple->>0)::oid FROM jsonb_array_elements(s.kept->'takes') AS u (triple)) AS x
      JOIN pg_class c ON c.oid = x.taken AND c.relkind = 'S' JOIN pg_namespace q ON q.oid = c.relnamespace
    WHERE s.role_oid IS NOT NULL AND NOT has_sequence_privilege(s.role_oid, c.oid, x.privilege)),`;

/**
 * Returns the answers, with the oids that each one carries in `_` converted to names. A role needs privileges on what
 * the statement itself names. For what a view names, the view's owner needs them. If the view has `security_invoker`, the
 * statement's role needs them, even if another view with its owner's privileges reads it.
 */
export const WITH_CATALOG_SQL = `
  WITH RECURSIVE statement AS MATERIALIZED (
    SELECT a.n, a.answer, a.answer->'_' AS kept, s.question, r.oid AS role_oid, r.rolname AS role_name
    FROM unnest(answers) WITH ORDINALITY AS a (answer, n)
      JOIN jsonb_array_elements(asked->'statements') WITH ORDINALITY AS s (question, n) ON s.n = a.n
      LEFT JOIN pg_roles r ON r.rolname = s.question->>'role'),
  word AS MATERIALIZED (
    SELECT DISTINCT s.n, w.word FROM statement s, jsonb_array_elements_text(s.kept->'words') AS w (word)),
  -- Includes columns of the statement, because a second join would join ten thousand statements by nested loops.
  met AS MATERIALIZED (
    SELECT s.n, s.role_oid, s.kept->'words' AS words, s.kept->'shown' AS shown, l.*, c.relname, c.relnamespace, n.nspname,
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
    FROM met m WHERE m.words ? lower(m.relname::text COLLATE "C")),
  ${PLACES}
  reached (n, oid, role_oid, sender_oid, viewed_by) AS (
    SELECT n, oid, role_oid, role_oid, NULL::oid FROM named WHERE itself AND role_oid IS NOT NULL
    UNION
    SELECT a.n, d.refobjid, CASE WHEN ${IS_SECURITY_INVOKER_SQL} THEN a.sender_oid ELSE v.relowner END, a.sender_oid, coalesce(a.viewed_by, v.oid)
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
  ${UNDERLYING_ACCESS_SQL}
  schema AS MATERIALIZED (
    SELECT oid, nspname, lower(nspname::text COLLATE "C") AS called FROM pg_namespace WHERE oid >= ${FIRST_OID} AND nspname <> 'trueup'),
  callable AS MATERIALIZED (
    SELECT f.oid, lower(f.proname::text COLLATE "C") AS called, n.nspname, f.proargtypes::oid[] AS arguments
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE f.oid >= ${FIRST_OID} AND n.nspname <> 'trueup'),
  call AS MATERIALIZED (
    SELECT s.n, f.oid::regprocedure::text AS signature, has_function_privilege(s.role_oid, f.oid, 'EXECUTE') AS allowed,
      -- The search path leads to the first of those with the same arguments.
      s.kept->'words' ? lower(f.nspname::text COLLATE "C") OR row_number() OVER (PARTITION BY s.n, f.called, f.arguments
        ORDER BY array_position(ARRAY(SELECT jsonb_array_elements_text(s.kept->'searched')), f.nspname::text)) = 1 AS itself
    FROM callable f JOIN word w ON w.word = f.called JOIN statement s ON s.n = w.n WHERE ${IS_CALLED_SQL}),
  may AS (
    SELECT d.n, h.privilege || ' ' || h.label AS what, CASE WHEN h.whole THEN 'has' WHEN h.partly THEN 'partly' ELSE 'lacks' END AS how
    FROM need d JOIN held h USING (oid, role_oid, privilege)
    UNION SELECT n, format('USAGE %I', nspname), 'lacks' FROM named
      WHERE itself AND role_oid IS NOT NULL AND NOT has_schema_privilege(role_oid, relnamespace, 'USAGE')
    UNION SELECT s.n, format('USAGE %I', q.nspname), 'lacks' FROM schema q JOIN word w ON w.word = q.called JOIN statement s ON s.n = w.n
      WHERE NOT has_schema_privilege(s.role_oid, q.oid, 'USAGE') AND ${IS_QUALIFIER_SQL}
    UNION SELECT n, 'EXECUTE ' || signature, CASE WHEN allowed THEN 'has' ELSE 'lacks' END FROM call WHERE allowed IS NOT NULL)
  SELECT jsonb_agg(jsonb_strip_nulls(s.answer - '_' || jsonb_build_object(
      'relations', coalesce(m.relations, '[]'), 'assumed', m.assumed, 'viewed', v.viewed, 'columns', f.fields, 'shows', w.columns, 'labels', e.labels, 'functions', c.functions, 'rowSecurity', p.security,
      'places', z.places,
      'direct', CASE WHEN s.answer->>'setting' <> '' THEN i.direct END,
      'calls', nullif(c.calls, c.functions),
      'taken', (SELECT jsonb_agg(format('%I.%I', q.nspname, t.relname)) FROM jsonb_array_elements(s.kept->'takes') AS u (triple)
        JOIN pg_class t ON t.oid = (u.triple->>0)::oid JOIN pg_namespace q ON q.oid = t.relnamespace),
      'behind', CASE WHEN s.role_oid IS NOT NULL AND jsonb_typeof(s.kept) = 'object' THEN coalesce(b.behind, '[]') END,
      'privileges', CASE WHEN s.role_oid IS NOT NULL AND jsonb_typeof(s.kept) = 'object' THEN
        jsonb_build_object('role', s.role_name, 'has', y.has, 'partly', y.partly, 'lacks', y.lacks) END)) ORDER BY s.n)
    INTO verdicts
  FROM statement s
    LEFT JOIN (SELECT n, jsonb_agg(DISTINCT label ORDER BY label) AS relations,
      jsonb_agg(DISTINCT label ORDER BY label) FILTER (WHERE assumed) AS assumed FROM met GROUP BY n) AS m ON m.n = s.n
    LEFT JOIN (SELECT a.n, jsonb_agg(DISTINCT jsonb_build_array(format('%I.%I', n.nspname, c.relname), format('%I.%I', rn.nspname, r.relname))) AS viewed
      FROM reached a JOIN pg_class c ON c.oid = a.oid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_class r ON r.oid = a.viewed_by JOIN pg_namespace rn ON rn.oid = r.relnamespace GROUP BY a.n) AS v ON v.n = s.n
    LEFT JOIN (SELECT n, jsonb_agg(DISTINCT label) AS direct FROM named WHERE itself GROUP BY n) AS i ON i.n = s.n
    LEFT JOIN placed z ON z.n = s.n LEFT JOIN field f ON f.n = s.n LEFT JOIN shown w ON w.n = s.n LEFT JOIN label e ON e.n = s.n
    LEFT JOIN (SELECT b.n, jsonb_agg(jsonb_build_array(b.what, format('%I.%I', q.nspname, c.relname)) ORDER BY b.what, b.relation) AS behind
      FROM behind b JOIN pg_class c ON c.oid = b.relation JOIN pg_namespace q ON q.oid = c.relnamespace GROUP BY b.n) AS b ON b.n = s.n
    LEFT JOIN (SELECT n, jsonb_agg(DISTINCT signature ORDER BY signature) AS functions,
      jsonb_agg(DISTINCT signature ORDER BY signature) FILTER (WHERE itself) AS calls FROM call GROUP BY n) AS c ON c.n = s.n
    LEFT JOIN (SELECT n, jsonb_object_agg(label, CASE WHEN denied THEN 'denied' ELSE 'policies' END) AS security
      FROM policy GROUP BY n) AS p ON p.n = s.n
    LEFT JOIN (SELECT n, jsonb_agg(what ORDER BY what) FILTER (WHERE how = 'has') AS has,
      jsonb_agg(what ORDER BY what) FILTER (WHERE how = 'partly') AS partly,
      jsonb_agg(what ORDER BY what) FILTER (WHERE how = 'lacks') AS lacks FROM may GROUP BY n) AS y ON y.n = s.n;`;

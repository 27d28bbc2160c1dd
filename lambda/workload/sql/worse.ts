/** Compares two answers of `trueup._plan` about one statement. Types, privileges and policies are compared by name. */

import { DISPLACED } from './places';

/**
 * Returns what a change of type means for values that are still sent or read as the old type, or null if it has no
 * effect. The server's casts decide: it accepts from the application whatever it casts implicitly.
 */
const TYPE_CHANGE_FUNCTION_SQL = String.raw`CREATE OR REPLACE FUNCTION trueup._type_change(was text, now_is text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  old oid := trueup._base_type(was);
  new oid := trueup._base_type(now_is);
  old_size int[] := regexp_match(was, '\((\d+)(?:,(-?\d+))?\)');
  new_size int[] := regexp_match(now_is, '\((\d+)(?:,(-?\d+))?\)');
  change text := 'same';
BEGIN
  IF was = now_is THEN RETURN NULL; END IF;
  IF old IS NULL OR new IS NULL OR (was LIKE '%[]') <> (now_is LIKE '%[]') THEN RETURN 'breaks'; END IF;
  IF old <> new THEN
    change := coalesce((SELECT CASE
        -- Digits are lost, and a time without a zone takes that of the session.
        WHEN c.castcontext = 'i' AND (
            new IN ('real'::regtype, 'double precision'::regtype) AND old NOT IN ('smallint'::regtype, 'integer'::regtype, 'real'::regtype)
            OR new = 'real'::regtype AND old = 'integer'::regtype
            OR new IN ('timestamptz'::regtype, 'timetz'::regtype)) THEN 'converts'
        WHEN c.castcontext = 'i' THEN 'widens'
        WHEN c.castcontext = 'a' AND c.castmethod IN ('b', 'i') THEN 'converts' END
      FROM pg_cast c WHERE c.castsource = old AND c.casttarget = new), 'breaks');
  END IF;
  IF change IN ('same', 'widens') AND new_size IS NOT NULL AND (old_size IS NULL
      OR new_size[1] - coalesce(new_size[2], 0) < old_size[1] - coalesce(old_size[2], 0)
      OR coalesce(new_size[2], 0) < coalesce(old_size[2], 0)) THEN
    RETURN 'narrows';
  END IF;
  RETURN nullif(change, 'same');
END
$fn$`;

/** `"Order"` of `sales."Order"` */
const buildUnqualifiedNameSql = (name: string): string =>
  String.raw`regexp_replace(${name}, '^("([^"]|"")*"|[^.]+)\.', '')`;

/** Returns the base type of a domain, and the element type of an array. */
const BASE_TYPE_FUNCTION_SQL = `CREATE OR REPLACE FUNCTION trueup._base_type(name text) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  WITH RECURSIVE base AS (
    SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.oid = to_regtype(replace(name, '[]', ''))
    UNION ALL SELECT t.oid, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.typbasetype)
  SELECT oid FROM base WHERE typbasetype = 0
$fn$`;

/** Builds SQL that selects the first column or parameter whose change is of one of these kinds. */
const buildFirstChangeSql = (
  which: string,
  kinds: string,
  change = 'trueup._type_change(u.was, u.now_is)',
): string => `
  SELECT c.* INTO each
    FROM (SELECT u.*, ${change} AS change
      FROM (SELECT n, before->'${which}'->>(n - 1) AS was, after->'${which}'->>(n - 1) AS now_is
        FROM generate_series(1, least(jsonb_array_length(before->'${which}'), jsonb_array_length(after->'${which}'))) AS n) AS u) AS c
    WHERE c.change IN (${kinds}) ORDER BY c.n LIMIT 1;`;

/**
 * Whether a function that its role could call no longer exists, and all functions of this name are closed to it. In
 * `what`, the signature follows EXECUTE.
 */
const IS_REPLACED_SQL = `EXISTS (SELECT FROM jsonb_array_elements_text(before->'privileges'->'has') AS had (name)
          WHERE split_part(had.name, '(', 1) = split_part(what, '(', 1)) AND NOT EXISTS (
          SELECT FROM jsonb_array_elements_text(coalesce(after->'privileges'->'has', '[]')) AS has (name)
          WHERE split_part(has.name, '(', 1) = split_part(what, '(', 1))`;

/** A parameter that is only stored is cast as in an assignment, and the server casts any type to text. */
const IS_STORED_ONLY_SQL = `CASE WHEN trueup._type_change(u.was, u.now_is) = 'breaks' AND before->'assigned' @> to_jsonb(u.n) AND after->'assigned' @> to_jsonb(u.n)
        AND EXISTS (SELECT FROM pg_type t WHERE t.oid = trueup._base_type(u.now_is) AND t.typcategory = 'S') AND u.now_is NOT LIKE '%[]'
      THEN 'converts' ELSE trueup._type_change(u.was, u.now_is) END`;

/**
 * Returns null if the statement is as good as before or was not planned. `after` may contain `typed`, the result with
 * the previous types of its parameters. In the returned object, `refuses` tells whether the change breaks the
 * application or is only reported. `by` is plan, privilege, path, row-security, lost-row-security, columns or type.
 * `why` is a code whose words are in words.ts.
 */
const WORSE_FUNCTION_SQL = `CREATE OR REPLACE FUNCTION trueup._worse(before jsonb, after jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  each record;
  found jsonb;
  renamed jsonb;
  -- With a second function of the same name, a parameter's inferred type may come from the new function.
  overloaded boolean;
BEGIN
  IF before->>'outcome' IS DISTINCT FROM 'plans' OR after->>'outcome' IS NULL THEN
    RETURN NULL;
  END IF;
  IF after->>'outcome' = 'undecided' THEN
    -- It was not planned, or the reason lasts only as long as the transaction. A doubt is reported only once.
    IF after->>'why' = ANY ('{lock,budget,slow,enum}') OR before->>'doubt' = after->>'why' THEN
      RETURN NULL;
    END IF;
    IF after->'typed'->>'outcome' = 'fails' AND after->>'why' = 'untyped' AND after->'typed'->>'state' <> '42704' THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'plan', 'state', after->'typed'->>'state', 'why', 'fails');
    ELSIF after->'typed'->>'outcome' = 'plans' THEN
      found := trueup._worse(before, after->'typed');
      IF (found->>'refuses')::boolean THEN RETURN found; END IF;
      RETURN jsonb_build_object('refuses', false, 'by', 'plan', 'why', 'undecided', 'reason', 'typed');
    END IF;
    RETURN jsonb_build_object('refuses', false, 'by', 'plan', 'why', 'undecided', 'reason', after->>'why');
  END IF;
  IF after->>'outcome' <> 'plans' THEN
    RETURN jsonb_strip_nulls(jsonb_build_object('refuses', true, 'by', CASE after->>'state' WHEN '42501' THEN 'privilege' ELSE 'plan' END,
      'state', after->'state', 'why', coalesce(after->'why', after->'outcome'), 'relation', after->'relation', 'object', after->'object'));
  END IF;

  -- With another search path, a name now refers to another object, although the previous one still exists.
  IF before->>'setting' <> after->>'setting' THEN
    SELECT b.name AS was, a.name AS now_is INTO each
      FROM jsonb_array_elements_text(before->'relations') AS b (name) JOIN jsonb_array_elements_text(coalesce(after->'direct', after->'relations')) AS a (name)
        ON ${buildUnqualifiedNameSql('a.name')} = ${buildUnqualifiedNameSql('b.name')}
      WHERE NOT coalesce(after->'direct', after->'relations') ? b.name AND NOT before->'relations' ? a.name AND EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE format('%I.%I', n.nspname, c.relname) = b.name)
      UNION ALL SELECT b.name, a.name
      FROM jsonb_array_elements_text(coalesce(before->'calls', before->'functions')) AS b (name)
        JOIN jsonb_array_elements_text(coalesce(after->'calls', after->'functions')) AS a (name) ON ${buildUnqualifiedNameSql('a.name')} = ${buildUnqualifiedNameSql('b.name')}
      WHERE after->'functions' ? b.name AND NOT coalesce(after->'calls', after->'functions') ? b.name
        AND NOT coalesce(before->'calls', before->'functions') ? a.name
      UNION ALL SELECT b.name, a.name
      FROM jsonb_array_elements_text(before->'taken') AS b (name)
        JOIN jsonb_array_elements_text(after->'taken') AS a (name) ON ${buildUnqualifiedNameSql('a.name')} = ${buildUnqualifiedNameSql('b.name')}
      WHERE NOT after->'taken' ? b.name AND NOT before->'taken' ? a.name AND EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE format('%I.%I', n.nspname, c.relname) = b.name)
      ORDER BY 1 LIMIT 1;
    IF each.was IS NOT NULL THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'path', 'why', 'resolves', 'was', each.was, 'is', each.now_is);
    END IF;
  END IF;

  -- A rule replaces it with nothing, so it succeeds but writes no row.
  IF after ? 'nothing' AND NOT before ? 'nothing' THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'plan', 'why', 'nothing');
  END IF;

  -- Privileges that the role lacks now and did not lack before. Relations that are only assumed, and that were not known before, do not count.
  IF before->'privileges'->>'role' = after->'privileges'->>'role' THEN
    SELECT what, how INTO each FROM (
      SELECT jsonb_array_elements_text(after->'privileges'->'lacks') AS what, 'lost-privilege' AS how
      UNION ALL SELECT jsonb_array_elements_text(after->'privileges'->'partly'), 'columns-privilege') AS l
      WHERE NOT coalesce(before->'privileges'->'lacks' ? what, false)
        AND (how = 'lost-privilege' OR NOT coalesce(before->'privileges'->'partly' ? what, false))
        AND (what NOT LIKE 'EXECUTE %' OR coalesce(before->'privileges'->'has' ? what, false) OR ${IS_REPLACED_SQL})
        AND (before->'relations' ? substr(what, strpos(what, ' ') + 1)
          OR EXISTS (SELECT FROM jsonb_array_elements(after->'viewed') AS v (pair) WHERE pair->>0 = substr(what, strpos(what, ' ') + 1)
            AND (before->'relations' ? (pair->>1) OR NOT coalesce(after->'assumed' ? (pair->>1), false)))
          OR NOT coalesce(after->'assumed' ? substr(what, strpos(what, ' ') + 1), false))
      ORDER BY how DESC, what LIMIT 1;
    IF each.how = 'lost-privilege' THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'privilege', 'state', '42501', 'why', each.how, 'object', each.what);
    ELSIF each.how IS NOT NULL THEN
      found := jsonb_build_object('refuses', false, 'by', 'privilege', 'why', each.how, 'object', each.what);
    END IF;
  END IF;

  -- Functions and sequences that it uses indirectly and may not use. If it lacked a privilege before, it failed before. Answers of older
  -- versions do not contain this.
  IF before->'behind' = '[]' AND after->'behind' <> '[]' AND before->'privileges'->>'role' = after->'privileges'->>'role' THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'privilege', 'state', '42501', 'why', 'behind',
      'relation', after->'behind'->0->>1, 'object', after->'behind'->0->>0);
  END IF;

  -- Rows that policies excluded can now be read or written. If as many relations have policies under other names, none was lost.
  SELECT min(had.key) AS key INTO each FROM jsonb_object_keys(coalesce(before->'rowSecurity', '{}')) AS had (key)
    WHERE NOT coalesce(after->'rowSecurity' ? had.key, false) AND before->'privileges'->>'role' = after->'privileges'->>'role'
      AND (after->'relations' ? had.key OR EXISTS (SELECT FROM jsonb_array_elements_text(after->'relations') AS reached (name)
        WHERE NOT before->'relations' ? reached.name AND NOT coalesce(after->'rowSecurity' ? reached.name, false)))
    HAVING count(*) > (SELECT count(*) FROM jsonb_object_keys(coalesce(after->'rowSecurity', '{}')) AS has (key)
      WHERE NOT before->'rowSecurity' ? has.key AND NOT before->'relations' ? has.key);
  IF each.key IS NOT NULL THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'lost-row-security', 'why', 'unguarded', 'relation', each.key);
  END IF;

  -- A relation with a new name is compared with the worst previous state.
  SELECT key, value INTO each FROM jsonb_each_text(coalesce(after->'rowSecurity', '{}'))
    WHERE (value = 'denied') > coalesce(before->'rowSecurity'->>key = 'denied',
        NOT before->'relations' ? key AND before->'rowSecurity' @? '$.* ? (@ == "denied")', false)
      OR NOT coalesce(before->'rowSecurity' ? key, false) AND (before->'relations' ? key OR before->'rowSecurity' IS NULL)
    ORDER BY value, key LIMIT 1;
  IF each.value = 'denied' THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'row-security', 'why', 'no-policy', 'relation', each.key);
  ELSIF each.value IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'row-security', 'why', 'policies', 'relation', each.key));
  END IF;

  -- A value now goes to another column: one that got another value before, or one that replaced a dropped column. Another table behind a
  -- view may have other names.
  SELECT w.key AS was, n.key AS now_is, b.node->>'into' AS key INTO each
    FROM jsonb_array_elements(before->'fills') WITH ORDINALITY AS b (node, at)
      JOIN jsonb_array_elements(after->'fills') WITH ORDINALITY AS a (node, at) ON a.at = b.at
      CROSS JOIN LATERAL jsonb_each(b.node->'given') AS w CROSS JOIN LATERAL jsonb_each(a.node->'given') AS n
    WHERE w.value->0 = n.value->0 AND w.key <> n.key AND b.node->'given'->n.key->0 IS DISTINCT FROM n.value->0
      AND (b.node->'given' ? n.key OR a.node->'given' ? w.key
        OR a.node->'into' = b.node->'into' AND w.value->1 <> n.value->1)
    ORDER BY (w.value->>1)::int LIMIT 1;
  IF each.key IS NOT NULL THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'columns', 'why', 'fills', 'object', each.key || '.' || each.now_is,
      'was', each.was, 'is', each.now_is);
  END IF;

  -- Uses by position, which no plan shows: values without a column list, and columns without a name.
  SELECT b.key, trueup._displaced(before->'byPlace', b.value, after->'places'->b.key) AS found INTO each
    FROM jsonb_each(before->'places') AS b
    WHERE after->'places' ? b.key AND trueup._displaced(before->'byPlace', b.value, after->'places'->b.key) IS NOT NULL ORDER BY b.key LIMIT 1;
  IF each.key IS NOT NULL THEN
    RETURN each.found || jsonb_build_object('refuses', true, 'by', 'columns', 'object', each.key || '.' || (each.found->>'is'));
  END IF;

  -- Returned names in another order, or a new name that replaces an old one. Columns that are only added or only dropped change the row, below.
  IF before->'names' <> after->'names' AND (
      (SELECT jsonb_agg(name ORDER BY n) FROM jsonb_array_elements_text(before->'names') WITH ORDINALITY AS b (name, n) WHERE after->'names' ? name)
      IS DISTINCT FROM
      (SELECT jsonb_agg(name ORDER BY n) FROM jsonb_array_elements_text(after->'names') WITH ORDINALITY AS a (name, n) WHERE before->'names' ? name)
      OR NOT before->'names' @> (after->'names') AND NOT after->'names' @> (before->'names')) THEN
    RETURN jsonb_build_object('refuses', true, 'by', 'columns', 'why', 'returned',
      'was', (SELECT string_agg(name, ', ' ORDER BY n) FROM jsonb_array_elements_text(before->'names') WITH ORDINALITY AS b (name, n)),
      'is', (SELECT string_agg(name, ', ' ORDER BY n) FROM jsonb_array_elements_text(after->'names') WITH ORDINALITY AS a (name, n)));
  END IF;

  overloaded := EXISTS (
    SELECT FROM jsonb_array_elements_text(coalesce(after->'functions', '[]')) AS a (signature)
      JOIN jsonb_array_elements_text(coalesce(before->'functions', '[]')) AS b (signature)
        ON split_part(a.signature, '(', 1) = split_part(b.signature, '(', 1)
    WHERE NOT before->'functions' ? a.signature);
  -- A renamed type is the same type, so its old name is replaced with the new one.
  SELECT jsonb_object_agg(b.name, a.name) INTO renamed
    FROM jsonb_array_elements_text(before->'ids') WITH ORDINALITY AS i (id, n)
      JOIN jsonb_array_elements_text((before->'parameters') || coalesce(before->'results', '[]')) WITH ORDINALITY AS b (name, n) ON b.n = i.n
      JOIN jsonb_array_elements_text((after->'parameters') || coalesce(after->'results', '[]')) WITH ORDINALITY AS a (name, n) ON a.n = i.n
    WHERE after->'ids'->>(i.n - 1)::int = i.id AND a.name <> b.name;
  IF renamed IS NOT NULL THEN
    before := before || jsonb_strip_nulls(jsonb_build_object(
      'parameters', (SELECT jsonb_agg(coalesce(renamed->>name, name) ORDER BY n) FROM jsonb_array_elements_text(before->'parameters') WITH ORDINALITY AS p (name, n)),
      'results', (SELECT jsonb_agg(coalesce(renamed->>name, name) ORDER BY n) FROM jsonb_array_elements_text(before->'results') WITH ORDINALITY AS p (name, n)),
      'columns', (SELECT jsonb_object_agg(key, coalesce(renamed->>value, value)) FROM jsonb_each_text(before->'columns'))));
  END IF;
  before := before || jsonb_build_object('types', coalesce(before->'bases', before->'parameters'));
  after := after || jsonb_build_object('types', coalesce(after->'bases', after->'parameters'));
  ${buildFirstChangeSql('types', `'breaks', 'converts'`, IS_STORED_ONLY_SQL)}
  IF each.n IS NOT NULL THEN
    IF each.change = 'breaks' AND NOT overloaded THEN
      RETURN jsonb_build_object('refuses', true, 'by', 'type', 'why', 'parameter', 'number', each.n, 'was', each.was, 'is', each.now_is);
    END IF;
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type',
      'why', CASE WHEN overloaded THEN 'overload' ELSE 'parameter' END, 'number', each.n, 'was', each.was, 'is', each.now_is));
  END IF;

  IF before->'results' <> after->'results' THEN
    -- A different number of columns means SELECT *, and it is not known which column is which.
    IF jsonb_array_length(before->'results') = jsonb_array_length(after->'results') THEN
      ${buildFirstChangeSql('results', `'breaks'`)}
      IF each.n IS NOT NULL THEN
        RETURN jsonb_build_object('refuses', true, 'by', 'type', 'why', 'result', 'number', each.n, 'was', each.was, 'is', each.now_is);
      END IF;
    END IF;
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type', 'why', 'row'));
  END IF;

  -- Prepared statements fail if a returned column has another length, or if one of the types was replaced by another of the same name.
  IF found IS NULL AND EXISTS (SELECT FROM jsonb_object_keys(coalesce(before->'shows', '{}')) AS had (key)
      WHERE before->'shows'->had.key <> after->'shows'->had.key OR after->'columns' ? had.key AND NOT coalesce(after->'shows' ? had.key, false)) THEN
    found := jsonb_build_object('refuses', false, 'by', 'type', 'why', 'length');
  END IF;
  SELECT l.key, gone.name AS was INTO each FROM jsonb_each(before->'labels') AS l, jsonb_array_elements_text(l.value) AS gone (name)
    WHERE after->'labels' ? coalesce(renamed->>l.key, l.key) AND NOT after->'labels'->coalesce(renamed->>l.key, l.key) ? gone.name
    ORDER BY 1, 2 LIMIT 1;
  IF each.key IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type', 'why', 'label', 'relation', each.key, 'object', each.was));
  END IF;
  IF found IS NULL AND before->'ids' <> after->'ids' AND before->'parameters' = after->'parameters'
      AND before->'results' IS NOT DISTINCT FROM after->'results' THEN
    found := jsonb_build_object('refuses', false, 'by', 'type', 'why', 'prepared');
  END IF;

  -- A column that got its number from a sequence no longer gets one, or a sequence that nextval($1) may mean no longer exists.
  SELECT had.name AS key, lost.why AS change INTO each
    FROM (VALUES ('numbered', 'unnumbered'), ('sequences', 'sequence')) AS lost (list, why),
      LATERAL jsonb_array_elements_text(before->lost.list) AS had (name)
    WHERE CASE lost.list WHEN 'numbered' THEN after->'empty' ? had.name ELSE NOT after->'sequences' ? had.name END
    ORDER BY lost.list, had.name LIMIT 1;
  IF each.key IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'plan', 'why', each.change, 'object', each.key));
  END IF;

  -- It is not known how the statement uses the column: it may only be compared.
  SELECT now_has.key, had.value AS was, now_has.value AS now_is INTO each
    FROM jsonb_each_text(coalesce(after->'columns', '{}')) AS now_has
      JOIN jsonb_each_text(coalesce(before->'columns', '{}')) AS had ON had.key = now_has.key
    WHERE trueup._type_change(had.value, now_has.value) IN ('breaks', 'converts', 'narrows') ORDER BY now_has.key LIMIT 1;
  IF each.key IS NOT NULL THEN
    found := coalesce(found, jsonb_build_object('refuses', false, 'by', 'type', 'why', 'column', 'object', each.key,
      'was', each.was, 'is', each.now_is));
  END IF;
  RETURN found;
END
$fn$`;

export const COMPARISON_FUNCTIONS_SQL: readonly string[] = [
  BASE_TYPE_FUNCTION_SQL,
  TYPE_CHANGE_FUNCTION_SQL,
  DISPLACED,
  WORSE_FUNCTION_SQL,
];

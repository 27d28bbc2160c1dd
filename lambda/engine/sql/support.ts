/**
 * Helpers that the verification functions share. Their names begin with `_`, and they are not meant to be called
 * directly.
 *
 * Every function runs with `search_path = pg_catalog, pg_temp`, so that none of its own names resolves to a schema
 * that other roles can write to. Expressions stored in the application's objects are different: to plan them, as some
 * functions do, the server may call functions that they name, with the caller's privileges. The caller's search path is
 * passed as the last argument. Its default is evaluated before the function's own setting takes effect, and the path
 * is set only while the caller's own names and expressions are resolved.
 */
import {
  HOLD_NAMED,
  MEMORY_VARIABLES_SQL,
  READS_WAIT,
  RECALL,
  REMEMBER,
  untilUnchanged,
  WRITES_WAIT,
  wouldWait,
} from '../../sql/changing-code';
import {
  buildJudgeNamedSql,
  buildJudgeTextSql,
  INSTALLED_JUDGMENT_SQL,
  TRUST_VARIABLES_SQL,
  UNTRUSTED_FUNCTION_SQL,
} from '../../sql/trust';

/**
 * Raised instead of running untrusted code. The message names the code and its owner. The result counts neither as
 * passed nor as failed.
 */
export const NOT_CHECKED_SQLSTATE = 'TU007';

/**
 * The setting in which a verify section leaves what could not be checked, for the ledger's row in the same
 * transaction.
 */
export const UNCHECKED_VARIABLE = 'trueup.not_checked';

/** The last parameter of each function: the caller's search_path, supplied by its default. */
export const PATH_PARAMETER = "path text DEFAULT pg_catalog.current_setting('search_path')";

export const SUPPORT_FUNCTIONS_SQL: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS trueup',
  // With an owner role, verify runs as that role. It can only call functions in this schema; no privileges on the
  // tables are granted.
  'GRANT USAGE ON SCHEMA trueup TO PUBLIC',

  // Returns the relation that a name, written as in SQL, refers to for the caller; NULL if there is none.
  `CREATE OR REPLACE FUNCTION trueup._relation(table_name text, path text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  found_oid oid;
BEGIN
  BEGIN
    PERFORM set_config('search_path', path, true);
    found_oid := pg_catalog.to_regclass(table_name);
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported THEN
    RETURN NULL; -- a malformed name, or a schema that the caller may not look into
  END;
  RETURN (SELECT c.oid FROM pg_class c WHERE c.oid = found_oid AND c.relkind IN ('r', 'p', 'f', 'v', 'm'));
END
$fn$`,

  // Returns the parts of a name, written as in SQL, as the catalog stores them; NULL if the name is malformed.
  `CREATE OR REPLACE FUNCTION trueup._name(written text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  RETURN parse_ident(written);
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN NULL;
END
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup._last(written text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT n[cardinality(n)] FROM trueup._name(written) n
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup._column(relation oid, column_name text) RETURNS smallint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT a.attnum FROM pg_attribute a
  WHERE a.attrelid = relation AND ARRAY[a.attname::text] = trueup._name(column_name) AND a.attnum > 0 AND NOT a.attisdropped
$fn$`,

  // Returns why a table or some of its columns cannot be checked.
  `CREATE OR REPLACE FUNCTION trueup._missing(table_name text, columns text[], path text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
BEGIN
  IF relation IS NULL THEN
    RETURN NEXT format('There is no table %s (search_path: %s)', table_name, path);
  ELSE
    RETURN QUERY SELECT format('%s has no column %s', table_name, c)
      FROM unnest(columns) c WHERE trueup._column(relation, c) IS NULL;
  END IF;
END
$fn$`,

  UNTRUSTED_FUNCTION_SQL,

  // Returns the untrusted code that a text may run (lambda/sql/trust.ts), as `role: object`; NULL if all of it is
  // trusted. With `expressions`, the text is a list of expressions over the relation's columns, and only these are
  // judged; without, the whole relation is judged as well.
  `CREATE OR REPLACE FUNCTION trueup._code(sent text, path text, relation oid DEFAULT NULL, expressions boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $fn$
#variable_conflict use_column
DECLARE
  why text; judged boolean := false; ${MEMORY_VARIABLES_SQL}${TRUST_VARIABLES_SQL}
BEGIN
  PERFORM set_config('search_path', path, true);
  searched := pg_catalog.current_schemas(true);
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF expressions THEN columns_of := relation;
  ELSE
    IF relation IS NOT NULL THEN
      parts := ARRAY[relation];
      -- It is going to be written to.
      BEGIN
        EXECUTE format('PREPARE trueup_held AS INSERT INTO %s DEFAULT VALUES', relation::regclass);
        DEALLOCATE trueup_held;
      EXCEPTION WHEN lock_not_available THEN RAISE;
      WHEN OTHERS THEN NULL;
      END;
    END IF;
    ${HOLD_NAMED}
  END IF;
  LOOP
    ${untilUnchanged('judged', '', RECALL)}
    IF judging THEN
      ${buildJudgeTextSql(INSTALLED_JUDGMENT_SQL)}
      IF why IS NULL AND relation IS NOT NULL AND NOT expressions THEN
        named := ARRAY['pg_class'::regclass::oid || ':' || relation];
        ${buildJudgeNamedSql(INSTALLED_JUDGMENT_SQL)}
      END IF;
    END IF;
    EXIT WHEN why IS NOT NULL;
    judged := parts = '{}' OR NOT ${wouldWait('parts', `CASE WHEN relation IS NULL THEN ${READS_WAIT} ELSE ${WRITES_WAIT} END`)};
    IF NOT judged THEN PERFORM pg_sleep(0.05); END IF;
  END LOOP;${REMEMBER}
  RETURN CASE WHEN why IS NOT NULL THEN concat_ws(': ', culprit ->> 'role', culprit ->> 'object') END;
END
$fn$`,

  // Raises NOT_CHECKED before any part of untrusted code is planned.
  `CREATE OR REPLACE FUNCTION trueup._refuse_code(sent text, path text, relation oid, expressions boolean) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  code text := trueup._code(sent, path, relation, expressions);
BEGIN
  IF code IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = '${NOT_CHECKED_SQLSTATE}', MESSAGE = code;
  END IF;
  RETURN true;
END
$fn$`,

  // Returns whether a text is what the server prints for a stored expression, either for the caller or
  // schema-qualified.
  `CREATE OR REPLACE FUNCTION trueup._as_written(written text, VARIADIC printed text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT coalesce(bool_or(btrim(written, E' \\t\\n') IN (p, CASE WHEN p LIKE '(%)' THEN substr(p, 2, length(p) - 2) END)), false) FROM unnest(printed) AS p
$fn$`,

  // Returns expressions over a table's columns as the server itself writes them: parsed, coerced, constants folded.
  // EXPLAIN plans but does not run. unnest() of the row type replaces the table, so that privileges, policies and
  // data have no effect. PostgreSQL compares index predicates in this form too: "x" and "x = true" are the same.
  String.raw`CREATE OR REPLACE FUNCTION trueup._explain(relation oid, path text, expressions text[]) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  query text;
  plan json;
BEGIN
  PERFORM trueup._refuse_code(array_to_string(expressions, E'\n, '), path, relation, true);
  SELECT format('EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT %s FROM pg_catalog.unnest(NULL::%s[]) AS %I',
      (SELECT string_agg('(' || e || E'\n)', ', ' ORDER BY n) FROM unnest(expressions) WITH ORDINALITY AS x(e, n)),
      format_type(c.reltype, NULL), c.relname)
    INTO query FROM pg_class c WHERE c.oid = relation;
  PERFORM set_config('search_path', path, true);
  EXECUTE query INTO plan;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  RETURN ARRAY(SELECT json_array_elements_text(plan -> 0 -> 'Plan' -> 'Output'));
END
$fn$`,

  // Returns the server's message if it cannot parse an expression over the table's columns; NULL if it can.
  `CREATE OR REPLACE FUNCTION trueup._unreadable(relation oid, path text, expression text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  PERFORM trueup._explain(relation, path, ARRAY[expression]);
  RETURN NULL;
EXCEPTION WHEN SQLSTATE '${NOT_CHECKED_SQLSTATE}' THEN
  RAISE;
WHEN OTHERS THEN
  RETURN format('The server cannot read %s: %s', expression, SQLERRM);
END
$fn$`,

  // Splits a conjunction that the server printed into its parts, sorted, because their order has no meaning.
  `CREATE OR REPLACE FUNCTION trueup._conjuncts(expression text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  parts text[] := '{}';
  part text := '';
  quoted text := '';
  depth int := 0;
  encloses boolean := expression LIKE '(%)';
  c text;
BEGIN
  FOR i IN 1 .. length(expression) LOOP
    c := substr(expression, i, 1);
    IF quoted <> '' THEN
      IF c = quoted THEN quoted := ''; END IF;
    ELSIF c IN ('''', '"') THEN quoted := c;
    ELSIF c IN ('(', '[') THEN depth := depth + 1;
    ELSIF c IN (')', ']') THEN
      depth := depth - 1;
      IF depth = 0 AND i < length(expression) THEN encloses := false; END IF;
    END IF;
    part := part || c;
    IF quoted = '' AND depth = 0 AND part LIKE '% AND ' THEN
      parts := parts || left(part, -5);
      part := '';
    END IF;
  END LOOP;
  IF encloses THEN
    RETURN trueup._conjuncts(substr(expression, 2, length(expression) - 2));
  END IF;
  RETURN ARRAY(SELECT DISTINCT p FROM unnest(parts || part) p ORDER BY p);
END
$fn$`,

  // Returns whether the server treats two expressions as the same. `stored` is NULL if the catalog has none.
  `CREATE OR REPLACE FUNCTION trueup._same(relation oid, path text, wanted text, stored text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  plain text[];
BEGIN
  IF wanted IS NULL OR stored IS NULL THEN
    RETURN wanted IS NULL AND stored IS NULL;
  END IF;
  IF trueup._as_written(wanted, stored) THEN RETURN true; END IF;
  plain := trueup._explain(relation, path, ARRAY[wanted, stored]);
  RETURN trueup._conjuncts(plain[1]) = trueup._conjuncts(plain[2]);
EXCEPTION WHEN undefined_column THEN
  RETURN false; -- the stored one names what only the table itself has (tableoid)
END
$fn$`,
];

/**
 * What the verification functions share. Not for use by hand: their names begin with `_`.
 *
 * Every function works under `search_path = pg_catalog, pg_temp`, so that nothing in a schema that others can write to
 * is called in place of the real thing. The caller's path arrives as the last argument, whose default is evaluated
 * before the function's own setting takes effect, and is put in place only where the caller's own words are resolved.
 */
/** Last parameter of each function: the caller's search_path, filled in by itself. */
export const PATH = "path text DEFAULT pg_catalog.current_setting('search_path')";

export const SUPPORT: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS trueup',
  // With an owner role, verify runs as that role. Only functions are to be had here: the tables are granted to nobody.
  'GRANT USAGE ON SCHEMA trueup TO PUBLIC',

  // The relation that a name, written as in SQL, means to the caller; null when there is none.
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

  // The parts of a name, written as in SQL, as the catalogue stores them; null when it is malformed.
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

  // Why a table, or columns of it, cannot be looked at.
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

  // Expressions over a table's columns as the server itself writes them: parsed, coerced, constants folded. EXPLAIN
  // plans and does not run; unnest() of the row type stands for the table, so that neither rights, policies nor data
  // play a part. This is the form in which PostgreSQL compares index predicates too: "x" and "x = true" are one.
  String.raw`CREATE OR REPLACE FUNCTION trueup._explain(relation oid, path text, expressions text[]) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  query text;
  plan json;
BEGIN
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

  // The server's words when it cannot read an expression over the table's columns; null when it can.
  `CREATE OR REPLACE FUNCTION trueup._unreadable(relation oid, path text, expression text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  PERFORM trueup._explain(relation, path, ARRAY[expression]);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN format('The server cannot read %s: %s', expression, SQLERRM);
END
$fn$`,

  // The parts of a conjunction that the server wrote, sorted: their order has no meaning.
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

  // Whether two expressions are one to the server. The stored one is null where the catalogue has none.
  `CREATE OR REPLACE FUNCTION trueup._same(relation oid, path text, wanted text, stored text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  plain text[];
BEGIN
  IF wanted IS NULL OR stored IS NULL THEN
    RETURN wanted IS NULL AND stored IS NULL;
  END IF;
  plain := trueup._explain(relation, path, ARRAY[wanted, stored]);
  RETURN trueup._conjuncts(plain[1]) = trueup._conjuncts(plain[2]);
EXCEPTION WHEN undefined_column THEN
  RETURN false; -- the stored one names what only the table itself has (tableoid)
END
$fn$`,
];

/** Verification functions for tables and columns: existence, type, nullability, default, comment. */
import { INSERT_DEFAULT_SQL } from '../../sql/catalog';
import { PATH_PARAMETER } from './support';

export const COLUMN_FUNCTIONS_SQL: readonly string[] = [
  `CREATE OR REPLACE FUNCTION trueup.has_table(table_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, '{}', path)
  UNION ALL
  SELECT format('%s is a view, not a table', table_name) FROM pg_class c
  WHERE c.oid = trueup._relation(table_name, path) AND c.relkind IN ('v', 'm')
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.hasnt_table(table_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT format('%s still exists', table_name) WHERE trueup._relation(table_name, path) IS NOT NULL
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.has_column(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, ARRAY[column_name], path)
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.hasnt_column(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, '{}', path)
  UNION ALL
  SELECT format('%s still has the column %s', table_name, column_name)
  WHERE trueup._column(trueup._relation(table_name, path), column_name) IS NOT NULL
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.col_type_is(table_name text, column_name text, type_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  stored text;
  problem text;
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, ARRAY[column_name], path);
  IF FOUND THEN RETURN; END IF;
  SELECT format_type(a.atttypid, a.atttypmod) INTO stored FROM pg_attribute a
  WHERE a.attrelid = relation AND a.attnum = trueup._column(relation, column_name);
  -- As a cast: the server then reads synonyms, modifiers and domains as it does in CREATE TABLE.
  problem := trueup._unreadable(relation, path, 'NULL::' || type_name);
  IF problem IS NOT NULL THEN
    RETURN NEXT problem;
  ELSIF NOT trueup._same(relation, path, 'NULL::' || type_name, 'NULL::' || stored) THEN
    RETURN NEXT format('%s.%s is %s, not %s', table_name, column_name, stored, type_name);
  END IF;
END
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.col_not_null(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, ARRAY[column_name], path)
  UNION ALL
  SELECT format('%s.%s may be null: it has no NOT NULL', table_name, column_name) FROM pg_attribute a
  WHERE a.attrelid = trueup._relation(table_name, path) AND a.attnum = trueup._column(a.attrelid, column_name)
    AND NOT a.attnotnull
  UNION ALL
  -- From PostgreSQL 18 on NOT NULL is a constraint, which may be NOT VALID.
  SELECT format('NOT NULL of %s.%s is NOT VALID: old rows may be null', table_name, column_name) FROM pg_constraint c
  WHERE c.conrelid = trueup._relation(table_name, path) AND c.contype = 'n' AND NOT c.convalidated
    AND c.conkey = ARRAY[trueup._column(c.conrelid, column_name)]
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.col_is_null(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, ARRAY[column_name], path)
  UNION ALL
  SELECT format('%s.%s is NOT NULL', table_name, column_name) FROM pg_attribute a
  WHERE a.attrelid = trueup._relation(table_name, path) AND a.attnum = trueup._column(a.attrelid, column_name)
    AND a.attnotnull
$fn$`,

  // Returns the default that an INSERT without this column uses: the column's own, or else its domain's.
  `CREATE OR REPLACE FUNCTION trueup._default(relation oid, number smallint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT ${INSERT_DEFAULT_SQL}
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = relation AND a.attnum = number AND a.attgenerated = ''
$fn$`,

  // Returns a column's own default, or a constraint, as the server prints it: first with every name schema-qualified,
  // then as the caller's search path shows it.
  `CREATE OR REPLACE FUNCTION trueup._printed(relation oid, path text, column_name text, constraint_oid oid) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  tree pg_node_tree;
  printed text[];
BEGIN
  IF constraint_oid IS NULL THEN
    SELECT d.adbin INTO tree FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = relation AND d.adnum = trueup._column(relation, column_name) AND a.attgenerated = '';
  ELSE
    SELECT c.conbin INTO tree FROM pg_constraint c WHERE c.oid = constraint_oid;
  END IF;
  IF tree IS NULL THEN RETURN '{}'; END IF;
  printed := ARRAY[pg_get_expr(tree, relation)];
  PERFORM set_config('search_path', path, true);
  printed := pg_catalog.array_append(printed, pg_catalog.pg_get_expr(tree, relation));
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  RETURN printed;
END
$fn$`,

  // Identity and generated columns count as having a default, because an INSERT may leave them out.
  `CREATE OR REPLACE FUNCTION trueup.col_has_default(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, ARRAY[column_name], path)
  UNION ALL
  SELECT format('%s.%s has no default', table_name, column_name) FROM pg_attribute a
  WHERE a.attrelid = trueup._relation(table_name, path) AND a.attnum = trueup._column(a.attrelid, column_name)
    AND a.attidentity = '' AND a.attgenerated = '' AND trueup._default(a.attrelid, a.attnum) IS NULL
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.col_hasnt_default(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, ARRAY[column_name], path)
  UNION ALL
  SELECT format('%s.%s still has the default %s', table_name, column_name, d)
  FROM trueup._relation(table_name, path) r, trueup._default(r, trueup._column(r, column_name)) d WHERE d IS NOT NULL
$fn$`,

  String.raw`CREATE OR REPLACE FUNCTION trueup.col_default_is(table_name text, column_name text, expression text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  stored text;
  cast_to text;
  problem text;
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, ARRAY[column_name], path);
  IF FOUND OR trueup._as_written(expression, VARIADIC trueup._printed(relation, path, column_name, NULL)) THEN RETURN; END IF;
  SELECT trueup._default(relation, a.attnum), '::' || format_type(a.atttypid, a.atttypmod) INTO stored, cast_to
  FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = trueup._column(relation, column_name);
  problem := trueup._unreadable(relation, path, '(' || expression || E'\n)' || cast_to);
  IF problem IS NOT NULL THEN
    RETURN NEXT problem;
  ELSIF stored IS NULL THEN
    RETURN NEXT format('%s.%s has no default; expected %s', table_name, column_name, expression);
  ELSIF NOT trueup._same(relation, path, '(' || expression || E'\n)' || cast_to, '(' || stored || ')' || cast_to) THEN
    RETURN NEXT format('The default of %s.%s is %s, not %s', table_name, column_name, stored, expression);
  END IF;
END
$fn$`,

  // Accepts a call, with or without a cast, of a volatile function that returns uuid: gen_random_uuid(),
  // uuid_generate_v4(), uuidv7(), or one of the application's own. A constant and uuid_nil() are not volatile.
  String.raw`CREATE OR REPLACE FUNCTION trueup.col_default_generates_uuid(table_name text, column_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  relation oid := trueup._relation(table_name, path);
  stored text;
  callee text;
BEGIN
  RETURN QUERY SELECT trueup._missing(table_name, ARRAY[column_name], path);
  IF FOUND THEN RETURN; END IF;
  stored := trueup._default(relation, trueup._column(relation, column_name));
  IF stored IS NULL THEN
    RETURN NEXT format('%s.%s has no default, so an INSERT without it fails', table_name, column_name);
    RETURN;
  END IF;
  callee := (regexp_match(stored, '^\(*((?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))?)\(\)\)*(?:::[\w ()]+)?$'))[1];
  PERFORM 1 FROM pg_proc p
  WHERE p.oid = to_regprocedure(callee || '()') AND p.prorettype = 'uuid'::regtype AND p.provolatile = 'v';
  IF NOT FOUND THEN
    RETURN NEXT format('The default of %s.%s is %s, which is no call of a function that makes UUIDs',
      table_name, column_name, stored);
  END IF;
END
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.table_comment_is(table_name text, comment_text text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, '{}', path)
  UNION ALL
  SELECT format('The comment of %s is not the one expected', table_name) FROM trueup._relation(table_name, path) r
  WHERE r IS NOT NULL AND obj_description(r, 'pg_class') IS DISTINCT FROM comment_text
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.col_comment_is(table_name text, column_name text, comment_text text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT trueup._missing(table_name, ARRAY[column_name], path)
  UNION ALL
  SELECT CASE WHEN d IS NULL THEN format('%s.%s has no comment', table_name, column_name)
              ELSE format('The comment of %s.%s is not the one expected', table_name, column_name) END
  FROM trueup._relation(table_name, path) r, trueup._column(r, column_name) c, col_description(r, c) d
  WHERE c IS NOT NULL AND d IS DISTINCT FROM comment_text
$fn$`,
];

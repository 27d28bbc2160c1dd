/** Verification functions for functions and procedures: existence and result type. */
import { PATH_PARAMETER } from './support';

export const ROUTINE_FUNCTIONS_SQL: readonly string[] = [
  // Returns the function that a name and argument types refer to for the caller; NULL if there is none.
  `CREATE OR REPLACE FUNCTION trueup._function(function_name text, args text[], path text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
BEGIN
  PERFORM set_config('search_path', path, true);
  RETURN pg_catalog.to_regprocedure(pg_catalog.format('%s(%s)', function_name, pg_catalog.array_to_string(args, ', ')));
EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported THEN
  RETURN NULL; -- a malformed name, or a type that does not exist
END
$fn$`,

  `CREATE OR REPLACE FUNCTION trueup.has_function(function_name text, args text[], ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
  SELECT format('There is no function %s(%s)%s', function_name, array_to_string(args, ', '), coalesce(', but ' || (
    SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid::regprocedure::text)
    FROM pg_proc p WHERE p.proname = trueup._last(function_name)), ''))
  WHERE trueup._function(function_name, args, path) IS NULL
$fn$`,

  // type_name is written as in RETURNS: json, SETOF text, TABLE(id uuid).
  String.raw`CREATE OR REPLACE FUNCTION trueup.function_returns(function_name text, args text[], type_name text, ${PATH_PARAMETER})
RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $fn$
DECLARE
  candidate record;
  wanted regtype;
BEGIN
  RETURN QUERY SELECT trueup.has_function(function_name, args, path);
  IF FOUND THEN RETURN; END IF;
  SELECT p.prorettype, p.proretset, pg_get_function_result(p.oid) AS result INTO candidate
  FROM pg_proc p WHERE p.oid = trueup._function(function_name, args, path);
  IF replace(lower(candidate.result), ' ', '') = replace(lower(type_name), ' ', '') THEN RETURN; END IF;
  BEGIN
    PERFORM set_config('search_path', path, true);
    wanted := pg_catalog.to_regtype(pg_catalog.regexp_replace(type_name, '^\s*setof\s+', '', 'i'));
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported THEN
    wanted := NULL;
  END;
  IF wanted IS DISTINCT FROM candidate.prorettype::regtype OR candidate.proretset <> (type_name ~* '^\s*setof\s') THEN
    RETURN NEXT format('%s(%s) returns %s, not %s', function_name, array_to_string(args, ', '), candidate.result, type_name);
  END IF;
END
$fn$`,
];

/**
 * A schema that stands before pg_catalog on the path and has an object of the same name for the server's functions, aggregates,
 * operators, types and relations. Each says so in the server's log when it is used, which outlives a rollback and does not need a
 * transaction that can write.
 */

/** What the log has of each use; the name follows. */
export const USED = 'shadow used: ';

const log = (superuser: string): string => `CREATE SCHEMA shadow;
  CREATE FUNCTION shadow.used_by(name text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF session_user OPERATOR(pg_catalog.<>) '${superuser}'::pg_catalog.name THEN RAISE LOG '${USED}%', name; END IF; RETURN true; END $$`;

/** Pseudo-types that a function in PL/pgSQL can take are those of polymorphism. */
const CONCRETE = `(t.typtype <> 'p' OR t.typname IN ('anyelement', 'anyarray', 'anynonarray', 'anyenum', 'anyrange',
  'anycompatible', 'anycompatiblearray', 'anycompatiblenonarray', 'anycompatiblerange'))`;

/** `arguments` fit PL/pgSQL. */
const fits = (f: string): string =>
  `NOT EXISTS (SELECT FROM unnest(${f}.proargtypes::oid[]) a (oid) JOIN pg_type t ON t.oid = a.oid WHERE NOT ${CONCRETE}) AND ${f}.provariadic = 0`;

const list = (f: string): string =>
  `(SELECT coalesce(string_agg(format_type(a, NULL), ', ' ORDER BY n), '') FROM unnest(${f}.proargtypes::oid[]) WITH ORDINALITY AS u (a, n))`;

/** All are gone about in the same way: what cannot be made (a word of the grammar, two that clash) is left out. */
const each = (query: string, create: string): string => `DO $do$ DECLARE made record; BEGIN
  FOR made IN ${query} LOOP
    BEGIN EXECUTE ${create}; EXCEPTION WHEN OTHERS THEN NULL; END;
  END LOOP; END $do$`;

const FUNCTIONS = each(
  `SELECT f.proname, ${list('f')} AS arguments, f.oid::regprocedure::text AS signature FROM pg_proc f
    WHERE f.pronamespace = 'pg_catalog'::regnamespace AND f.prokind = 'f' AND ${fits('f')}`,
  `format('CREATE FUNCTION shadow.%I(%s) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN
      PERFORM shadow.used_by(%L); RAISE EXCEPTION ''shadowed''; END $f$', made.proname, made.arguments, 'function ' || made.signature)`,
);

/** Those that take any number of anything: for texts, and for a name or a number among them. */
const VARIADIC = each(
  `SELECT f.proname, a.arguments FROM (SELECT DISTINCT proname FROM pg_proc
      WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND provariadic <> 0) f,
    (SELECT string_agg('text', ', ') AS arguments FROM generate_series(1, 30) i, generate_series(1, i) GROUP BY i
     UNION ALL SELECT unnest('{"text, name", "text, int4", "text, int8", "name, name", "text, name, name", "text, oid", "text, text, name"}'::text[])) a`,
  `format('CREATE FUNCTION shadow.%I(%s) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN
      PERFORM shadow.used_by(%L); RAISE EXCEPTION ''shadowed''; END $f$', made.proname, made.arguments, 'function ' || made.proname)`,
);

const AGGREGATES = each(
  `SELECT f.proname, a.arguments FROM pg_proc f, LATERAL (
      SELECT ${list('f')} AS arguments WHERE ${fits('f')} AND f.pronargs > 0
      UNION SELECT unnest('{text, name, int4, oid, int8, boolean, jsonb, json, "text, text", "name, text", "text, json", "text, jsonb", "name, name", "text[]"}'::text[])) a
    WHERE f.pronamespace = 'pg_catalog'::regnamespace AND f.prokind = 'a'`,
  `format('CREATE OR REPLACE FUNCTION shadow.step(text, %1$s) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN
      PERFORM shadow.used_by(''an aggregate''); RETURN NULL; END $f$;
    CREATE AGGREGATE shadow.%2$I(%1$s) (SFUNC = shadow.step, STYPE = text)', made.arguments, made.proname)`,
);

const OPERATORS = each(
  `SELECT o.oprname AS name, nullif(format_type(o.oprleft, NULL), '-') AS l, format_type(o.oprright, NULL) AS r, o.oid,
      o.oid::regoperator::text AS signature FROM pg_operator o WHERE o.oprnamespace = 'pg_catalog'::regnamespace`,
  `format('CREATE FUNCTION shadow.operator_%s(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN
      PERFORM shadow.used_by(%L); RAISE EXCEPTION ''shadowed''; END $f$;
    CREATE OPERATOR shadow.%s (%s RIGHTARG = %s, FUNCTION = shadow.operator_%s)', made.oid, concat_ws(', ', made.l, made.r),
    (SELECT CASE WHEN t.typtype = 'p' THEN 'text' ELSE format_type(t.oid, NULL) END FROM pg_operator p JOIN pg_type t ON t.oid = p.oprresult WHERE p.oid = made.oid),
    'operator ' || made.signature, made.name, CASE WHEN made.l IS NULL THEN '' ELSE format('LEFTARG = %s,', made.l) END, made.r, made.oid)`,
);

const TYPES = each(
  `SELECT typname FROM pg_type t WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typelem = 0 OR typname = 'name'`,
  `format('CREATE DOMAIN shadow.%1$I AS pg_catalog.%1$I CHECK (shadow.used_by(%2$L))', made.typname, 'type ' || made.typname)`,
);

const RELATIONS = each(
  `SELECT c.relname, (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
      WHERE attrelid = c.oid AND attnum > 0 AND atttypid <> 'anyarray'::regtype) AS columns
    FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')`,
  `format('CREATE VIEW shadow.%1$I AS SELECT %2$s FROM pg_catalog.%1$I, LATERAL (SELECT shadow.used_by(%3$L)) AS used', made.relname,
    made.columns, 'relation ' || made.relname)`,
);

/** To be run by this superuser, whose own uses are not told. */
export const shadowFor = (superuser: string): readonly string[] => [
  log(superuser),
  FUNCTIONS,
  VARIADIC,
  AGGREGATES,
  OPERATORS,
  TYPES,
  RELATIONS,
  'GRANT USAGE ON SCHEMA shadow TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA shadow TO PUBLIC',
];

export const SHADOW: readonly string[] = shadowFor('postgres');

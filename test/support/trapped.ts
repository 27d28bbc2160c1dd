/** Databases with better matches for the server's functions and operators on the search_path (CVE-2018-1058). */
import type { Client } from 'pg';
import { connect, createDatabase } from './database';

const TYPES = `'{oid, regclass, int2, int4, int8, text, name, "char", json, jsonb, xid, timestamptz, interval, numeric,
  float8, bool}'::regtype[]`;

/** The operators that the server has for these types, or exactly those that it does not have: what fits better. */
const operators = (existing: boolean): string => `DO $do$ DECLARE o record; BEGIN
  FOR o IN SELECT name, l, r FROM unnest(${TYPES}) l, unnest(${TYPES}) r,
      unnest('{=, <>, <, >, <=, >=, +, -, *, /, ||, ~, ->>, ->}'::text[]) name
    WHERE EXISTS (SELECT FROM pg_operator WHERE oprname = name AND oprleft = l AND oprright = r
      AND oprnamespace = 'pg_catalog'::regnamespace) = ${existing}
  LOOP
    EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.hijacked_%s)', o.name, o.l, o.r,
      public.hijacked(o.name, o.l, o.r));
  END LOOP; END $do$`;

/** What is caught is counted in a sequence, which keeps the count when the error is undone or swallowed. */
const HIJACKED = `CREATE SEQUENCE public.hijacks;
  CREATE FUNCTION public.hijacked_name(name text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_catalog.nextval('public.hijacks'); RAISE EXCEPTION 'hijacked: %', name; END $$;
  CREATE FUNCTION public.hijacked(name text, l regtype, r regtype) RETURNS text LANGUAGE plpgsql AS $fn$
  DECLARE id text := md5(concat(name, l, r)); BEGIN
    EXECUTE format('CREATE FUNCTION public.hijacked_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_catalog.nextval(''public.hijacks''); RAISE EXCEPTION ''hijacked: %s %s %s''; END $$', id, l, r,
      CASE WHEN name IN ('+', '-', '*', '/', '||', '->>', '->') THEN 'text' ELSE 'boolean' END, l, name, r);
    RETURN id; END $fn$`;

/** A copy of every function that takes these types. */
const FUNCTIONS = `DO $do$ DECLARE f record; BEGIN
  FOR f IN SELECT quote_ident(proname) AS name, pg_get_function_identity_arguments(oid) AS arguments FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND pronargs > 0
      AND proargtypes::oid[] <@ (${TYPES})::oid[] AND proallargtypes IS NULL
  LOOP
    EXECUTE format('CREATE FUNCTION public.%s(%s) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_catalog.nextval(''public.hijacks''); RAISE EXCEPTION ''hijacked: %s''; END $$', f.name, f.arguments, f.name);
  END LOOP; END $do$`;

/** What VARIADIC "any" leaves room for: one of concrete types. */
const VARIADIC = `DO $do$ BEGIN FOR n IN 1..30 LOOP
    EXECUTE format('CREATE FUNCTION public.json_build_object(%s) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_catalog.nextval(''public.hijacks''); RAISE EXCEPTION ''hijacked: json_build_object''; END $$', (SELECT string_agg('text', ', ') FROM generate_series(1, n)));
  END LOOP; END $do$;
  CREATE FUNCTION public.json_build_object(text, text, text, int, text, boolean, text, name, text, boolean) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked: json_build_object'; END $$;
  CREATE FUNCTION public.json_object_agg_step(json, text, text) RETURNS json LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'hijacked: json_object_agg'; END $$;
  CREATE AGGREGATE public.json_object_agg(text, text) (SFUNC = public.json_object_agg_step, STYPE = json)`;

/** Types by their names, and the catalog's relations. `int`, `boolean` and the like are words of the grammar. */
const NAMES = `DO $do$ DECLARE t regtype; r name; c text; BEGIN
  FOREACH t IN ARRAY ${TYPES} || '{regtype, regnamespace, uuid, regproc, varchar, timestamp}'::regtype[] LOOP
    EXECUTE format('CREATE DOMAIN public.%I AS %s CHECK (public.hijacked_name(''type %s''))',
      (SELECT typname FROM pg_type WHERE oid = t), t, t);
  END LOOP;
  FOR r, c IN SELECT relname, (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = k.oid AND attnum > 0 AND atttypid <> 'anyarray'::regtype)
      FROM pg_class k WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') AND relname NOT LIKE 'pg_statistic%' LOOP
    EXECUTE format('CREATE VIEW public.%I AS SELECT %s FROM pg_catalog.%I WHERE public.hijacked_name(''relation %s'')', r, c, r, r);
  END LOOP; END $do$`;

interface Traps {
  readonly path: string;
  readonly sql: readonly string[];
}
/** The schema stands before the server's own on the path: whatever is not named by its schema is caught. */
export const BEFORE: Traps = {
  path: 'public, pg_catalog',
  sql: [HIJACKED, operators(true), FUNCTIONS, NAMES],
};
/** The usual path: what is not of exactly the right types is caught. */
export const BEHIND: Traps = { path: '"$user", public', sql: [HIJACKED, operators(false), VARIADIC] };

/** A database in which calling anything in schema public fails. */
export async function trapped(major: number, { path, sql }: Traps): Promise<[url: string, Client]> {
  const url = await createDatabase(major);
  const client = await connect(url);
  for (const trap of sql) await client.query(trap);
  await client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET search_path = ${path}`);
  // From here on the test itself is careful too.
  await client.query('SET search_path = pg_catalog');
  return [url, client];
}

/** How often something in the way was called. */
export async function hijacks(client: Client): Promise<number> {
  const { rows } = await client.query(
    'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::pg_catalog.int4 AS n FROM public.hijacks',
  );
  return rows[0].n;
}

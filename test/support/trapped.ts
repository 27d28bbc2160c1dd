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

const HIJACKED = `CREATE FUNCTION public.hijacked(name text, l regtype, r regtype) RETURNS text LANGUAGE plpgsql AS $fn$
  DECLARE id text := md5(concat(name, l, r)); BEGIN
    EXECUTE format('CREATE FUNCTION public.hijacked_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION ''hijacked: %s %s %s''; END $$', id, l, r,
      CASE WHEN name IN ('+', '-', '*', '/', '||', '->>', '->') THEN 'text' ELSE 'boolean' END, l, name, r);
    RETURN id; END $fn$`;

/** A copy of every function that takes these types. */
const FUNCTIONS = `DO $do$ DECLARE f record; BEGIN
  FOR f IN SELECT quote_ident(proname) AS name, pg_get_function_identity_arguments(oid) AS arguments FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND pronargs > 0
      AND proargtypes::oid[] <@ (${TYPES})::oid[] AND proallargtypes IS NULL
  LOOP
    EXECUTE format('CREATE FUNCTION public.%s(%s) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION ''hijacked: %s''; END $$', f.name, f.arguments, f.name);
  END LOOP; END $do$`;

/** What VARIADIC "any" leaves room for: one of concrete types. */
const VARIADIC = `DO $do$ BEGIN FOR n IN 1..30 LOOP
    EXECUTE format('CREATE FUNCTION public.json_build_object(%s) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION ''hijacked: json_build_object''; END $$', (SELECT string_agg('text', ', ') FROM generate_series(1, n)));
  END LOOP; END $do$;
  CREATE FUNCTION public.json_build_object(text, text, text, int, text, boolean, text, name, text, boolean) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked: json_build_object'; END $$;
  CREATE FUNCTION public.json_object_agg_step(json, text, text) RETURNS json LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'hijacked: json_object_agg'; END $$;
  CREATE AGGREGATE public.json_object_agg(text, text) (SFUNC = public.json_object_agg_step, STYPE = json)`;

interface Traps {
  readonly path: string;
  readonly sql: readonly string[];
}
/** The schema stands before the server's own on the path: whatever is not named by its schema is caught. */
export const BEFORE: Traps = { path: 'public, pg_catalog', sql: [HIJACKED, operators(true), FUNCTIONS] };
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

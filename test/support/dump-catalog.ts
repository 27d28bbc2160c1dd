/**
 * Dumps the catalog of a database as sorted lines: two dumps are equal if the schemas are, and a diff shows the
 * difference. Oids, positions, statistics and Trueup's own schema are left out.
 */
import { Client, type ClientBase } from 'pg';

/** Schemas whose objects are not dumped. `$1` in every query below is this list. */
const OWN_SCHEMAS = ['trueup'];

const SCHEMA_CONDITION = `n.nspname <> ALL ($1::text[]) AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`;

const COMMENTS: readonly (readonly [catalog: string, from: string])[] = [
  ['pg_namespace', 'pg_namespace n ON n.oid = d.objoid'],
  ['pg_class', 'pg_class c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.relnamespace'],
  ['pg_proc', 'pg_proc c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.pronamespace'],
  ['pg_constraint', 'pg_constraint c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.connamespace'],
  ['pg_type', 'pg_type c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.typnamespace'],
];

const QUERIES: readonly string[] = [
  `SELECT format('schema %I owner %s privileges %s', n.nspname, n.nspowner::regrole, n.nspacl) AS line
     FROM pg_namespace n WHERE ${SCHEMA_CONDITION}`,
  `SELECT format('extension %I %s', extname, extversion) AS line
     FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE n.nspname <> ALL ($1::text[])`,
  `SELECT format('relation %I.%I kind %s owner %s privileges %s options %s%s%s', n.nspname, c.relname, c.relkind,
            c.relowner::regrole, c.relacl, c.reloptions,
            CASE WHEN c.relrowsecurity THEN ' row security' END,
            CASE WHEN c.relkind IN ('v', 'm') THEN ' as ' || pg_get_viewdef(c.oid) END) AS line
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${SCHEMA_CONDITION} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')`,
  `SELECT format('column %I.%I.%I %s%s%s%s%s', n.nspname, c.relname, a.attname,
            format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' not null' END,
            ' default ' || pg_get_expr(d.adbin, d.adrelid),
            CASE WHEN a.attidentity <> '' THEN ' identity ' || a.attidentity::text END,
            CASE WHEN a.attgenerated <> '' THEN ' generated ' || a.attgenerated::text END) AS line
     FROM pg_attribute a
     JOIN pg_class c ON c.oid = a.attrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE ${SCHEMA_CONDITION} AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped`,
  `SELECT format('index %I.%I %s%s', n.nspname, c.relname, pg_get_indexdef(i.indexrelid),
            CASE WHEN NOT i.indisvalid THEN ' INVALID' END) AS line
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${SCHEMA_CONDITION}`,
  `SELECT format('constraint %I on %s %s%s', k.conname,
            CASE WHEN k.conrelid <> 0 THEN k.conrelid::regclass::text ELSE k.contypid::regtype::text END,
            pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN ' (unvalidated)' END) AS line
     FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
    WHERE ${SCHEMA_CONDITION}`,
  `SELECT format('function %s owner %s privileges %s %s', p.oid::regprocedure, p.proowner::regrole, p.proacl,
            CASE WHEN p.prokind = 'a' THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END) AS line
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE ${SCHEMA_CONDITION}`,
  `SELECT format('trigger on %s enabled %s %s', t.tgrelid::regclass, t.tgenabled, pg_get_triggerdef(t.oid)) AS line
     FROM pg_trigger t
     JOIN pg_class c ON c.oid = t.tgrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${SCHEMA_CONDITION} AND NOT t.tgisinternal`,
  `SELECT format('policy %I on %s %s %s %s using %s check %s', p.polname, p.polrelid::regclass, p.polcmd, p.polpermissive,
            p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS line
     FROM pg_policy p
     JOIN pg_class c ON c.oid = p.polrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${SCHEMA_CONDITION}`,
  `SELECT format('type %I.%I %s %s', n.nspname, t.typname, t.typtype,
            coalesce((SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                        FROM pg_enum WHERE enumtypid = t.oid),
                     format_type(nullif(t.typbasetype, 0), t.typtypmod))) AS line
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE ${SCHEMA_CONDITION} AND t.typtype IN ('e', 'd', 'r')`,
  ...COMMENTS.map(
    ([catalog, join]) =>
      `SELECT format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description) AS line
         FROM pg_description d JOIN ${join}
        WHERE ${SCHEMA_CONDITION} AND d.classoid = '${catalog}'::regclass`,
  ),
];

/**
 * Dumps tables, columns, defaults, nullability, indexes and their validity, constraints and their validation, functions
 * with their bodies, views, triggers, policies, types, comments, owners and privileges.
 *
 * @param database a connection URL, or a client that is not in a transaction
 * @param options.ours schemas to leave out; by default Trueup's own
 */
export async function dumpCatalog(
  database: string | ClientBase,
  options: { readonly ours?: readonly string[] } = {},
): Promise<string[]> {
  if (typeof database === 'string') {
    const client = new Client({ connectionString: database });
    await client.connect();
    try {
      return await dumpCatalog(client, options);
    } finally {
      await client.end();
    }
  }
  // One snapshot for all queries, and an empty search_path so that all names are qualified.
  await database.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await database.query(`SET LOCAL search_path TO ''`);
    const lines: string[] = [];
    for (const query of QUERIES) {
      const { rows } = await database
        .query<{ line: string }>(query, [options.ours ?? OWN_SCHEMAS])
        .catch((error) => {
          throw new Error(`${(error as Error).message}, in: ${query}`);
        });
      lines.push(...rows.map((row) => row.line));
    }
    return lines.sort();
  } finally {
    await database.query('ROLLBACK');
  }
}

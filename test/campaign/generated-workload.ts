/** A workload from a schema: what an application that knows all of its tables would send. */
import type { Client } from 'pg';

interface Column {
  readonly name: string;
  /** An INSERT has to give it. */
  readonly required: boolean;
  readonly generated: boolean;
}

interface Table {
  readonly sql: string;
  readonly columns: readonly Column[];
  /** Columns of unique indexes that ON CONFLICT can name. */
  readonly keys: readonly (readonly string[])[];
  /** Of foreign keys: the other table, and how the columns pair up. */
  readonly references: readonly { readonly table: string; readonly pairs: readonly string[] }[];
}

const TABLES = `SELECT format('%I.%I', n.nspname, c.relname) AS sql,
  (SELECT json_agg(json_build_object('name', quote_ident(a.attname), 'generated', a.attgenerated <> '' OR a.attidentity = 'a',
     'required', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '') ORDER BY a.attnum)
   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  coalesce((SELECT json_agg((SELECT json_agg(quote_ident(a.attname) ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY AS k (num, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num) ORDER BY i.indexrelid)
   FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL), '[]') AS keys,
  coalesce((SELECT json_agg(json_build_object('table', format('%I.%I', rn.nspname, r.relname), 'pairs',
      (SELECT json_agg(format('a.%I = b.%I', x.attname, y.attname)) FROM unnest(f.conkey, f.confkey) AS p (x, y)
        JOIN pg_attribute x ON x.attrelid = f.conrelid AND x.attnum = p.x JOIN pg_attribute y ON y.attrelid = f.confrelid AND y.attnum = p.y)) ORDER BY f.oid)
   FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
   WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0), '[]') AS "references"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup') AND n.nspname !~ '^pg_'
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
ORDER BY 1`;

export async function workloadOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<Table>(TABLES);
  return rows.flatMap(statementsOf);
}

function statementsOf({ sql, columns, keys, references }: Table): string[] {
  const all = columns.map(({ name }) => name);
  const writable = columns.filter(({ generated }) => !generated).map(({ name }) => name);
  const required = columns.filter((each) => each.required && !each.generated).map(({ name }) => name);
  const values = (names: readonly string[]): string => names.map((_, i) => `$${i + 1}`).join(', ');
  const insert = (names: readonly string[]): string =>
    `INSERT INTO ${sql} (${names.join(', ')}) VALUES (${values(names)})`;
  const where = (names: readonly string[], from = 1): string =>
    names.map((name, i) => `${name} = $${from + i}`).join(' AND ');
  const [key] = keys;
  return [
    `SELECT ${all.join(', ')} FROM ${sql}`,
    ...all.map((name) => `SELECT count(*) FROM ${sql} WHERE ${name} = $1`),
    ...(writable.length > 0 ? [insert(writable)] : []),
    ...(required.length > 0 && required.length < writable.length ? [insert(required)] : []),
    ...keys.flatMap((names) =>
      writable.length > 0 ? [`${insert(writable)} ON CONFLICT (${names.join(', ')}) DO NOTHING`] : [],
    ),
    ...(key === undefined
      ? []
      : [
          ...writable
            .filter((name) => !key.includes(name))
            .map((name) => `UPDATE ${sql} SET ${name} = $1 WHERE ${where(key, 2)}`),
          `DELETE FROM ${sql} WHERE ${where(key)}`,
        ]),
    ...references.map(
      ({ table, pairs }) => `SELECT count(*) FROM ${sql} AS a JOIN ${table} AS b ON ${pairs.join(' AND ')}`,
    ),
  ];
}

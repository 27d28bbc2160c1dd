/** What a tenant is like after a campaign, and what is wrong with it. */
import { isDeepStrictEqual } from 'node:util';
import { Client } from 'pg';
import { dumpCatalog } from '../../support/dump-catalog';
import { PROMISED } from './releases';

export interface Tenant {
  readonly name: string;
  readonly database: string;
  readonly schema?: string;
}

/** Of each migration, what the ledger says was done, in its order. */
type Done = Readonly<Record<string, readonly string[]>>;

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function doneIn(client: Client, namespace: string): Promise<Done> {
  const { rows } = await client.query<{ migration: string; done: string[] }>(
    `SELECT migration, array_agg(event ORDER BY id) AS done FROM trueup.events
      WHERE namespace = $1 AND migration IS NOT NULL AND event IN ('applied', 'unverified', 'undone') GROUP BY 1 ORDER BY 1`,
    [namespace],
  );
  return Object.fromEntries(rows.map(({ migration, done }) => [migration, done]));
}

/** Each is applied once, or once more after each time that it was undone. */
function isOnce(done: Done, names: readonly string[]): boolean {
  return names.every((name) => {
    const events = done[name] ?? [];
    return events.length % 2 === 1 && events.every((event, i) => (event === 'undone') === (i % 2 === 1));
  });
}

interface Promised {
  /** Sorted. */
  readonly statements: readonly string[] | null;
  readonly paths: readonly (string | null)[] | null;
  /** Of a deployment that has not ended. */
  readonly next: string | null;
  /** Rows of other promises, and answers of planning, which nobody needs any more. */
  readonly left: number;
}

async function promisedIn(client: Client, namespace: string): Promise<Promised> {
  const { rows } = await client.query<Promised>(
    `SELECT (SELECT array_agg(w.statement ORDER BY w.statement) FROM trueup.workload_statements w WHERE w.namespace = n.name AND w.workload = n.workload) AS statements,
            (SELECT array_agg(DISTINCT w.search_path) FROM trueup.workload_statements w WHERE w.namespace = n.name) AS paths, n.next_workload AS next,
            ((SELECT count(*) FROM trueup.workload_statements w WHERE w.namespace = n.name AND w.workload IS DISTINCT FROM n.workload)
             + (SELECT count(*) FROM trueup.deployment_plans a WHERE a.namespace = n.name))::int AS left
       FROM trueup.namespaces n WHERE n.name = $1`,
    [namespace],
  );
  return rows[0]!;
}

/** The catalog by schema, each as if it were `public`, without what belongs to the database. */
async function catalogs(client: Client): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'trueup')`,
  );
  const lines = await dumpCatalog(client);
  const found = new Map<string, string[]>(rows.map(({ name }) => [name, []]));
  for (const line of lines) {
    const [schema] = line.match(/\b\w+(?=\.)/) ?? [];
    if (schema === undefined || !found.has(schema) || line.startsWith('schema ')) continue;
    found.get(schema)!.push(line.replaceAll(`${schema}.`, 'public.'));
  }
  return new Map([...found].map(([name, of]) => [name, of.sort()]));
}

/**
 * Tenants that do not have each migration once, by ledger and data, or not the catalog of the database `alone`, or another promise
 * than the last release's.
 * @param names of the migrations; two of them count in the table `counter`
 */
export async function different(
  urlOf: (database: string) => string,
  tenants: readonly Tenant[],
  namespace: string,
  names: readonly string[],
): Promise<object[]> {
  const wanted = await withClient(urlOf('alone'), async (client) => (await catalogs(client)).get('public'));
  const found: object[] = [];
  for (const { name, database, schema = 'public' } of tenants)
    await withClient(urlOf(database), async (client) => {
      const own = schema === 'public' ? namespace : `${namespace}/${schema}`;
      const done = await doneIn(client, own);
      const promised = await promisedIn(client, own);
      const path = schema === 'public' ? null : `"${schema}"`;
      const { rows } = await client.query<{ n: number }>(`SELECT n FROM ${schema}.counter`);
      const { rows: invalid } = await client.query(
        'SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid',
      );
      const catalog = (await catalogs(client)).get(schema);
      const same = isDeepStrictEqual(catalog, wanted) && isDeepStrictEqual(rows, [{ n: 2 }]);
      const promises = isDeepStrictEqual(promised, {
        statements: PROMISED,
        paths: [path],
        next: null,
        left: 0,
      });
      if (!same || !promises || !isOnce(done, names) || invalid.length > 0)
        found.push({ name, done, rows, invalid, catalog, promised });
    });
  return found;
}

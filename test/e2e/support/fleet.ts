/** What the scenarios of a fleet look at: its tenants' catalogs, workloads and secrets. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { dumpCatalog } from '../../support/dump-catalog';
import { histories } from './migrations';
import type { Rds } from './rds';
import { clientConfig } from './scenario';

/** The server is gone for three seconds once so many tenants in schemas have their first table. @param unless it ends before */
export async function crash({ server, run }: Rds, after: number, unless: Promise<unknown>): Promise<void> {
  let over = false;
  void unless.finally(() => {
    over = true;
  });
  while (!over) {
    const [row] = await run<{ count: number }>(
      'app',
      `SELECT count(*)::int AS count FROM pg_class WHERE relname = 'orders' AND relkind = 'r'`,
    );
    if (row!.count >= after) break;
    await sleep(100);
  }
  await server.stopServer('immediate');
  await sleep(3_000);
  await server.startServer();
}

/** Lines of the catalog of each tenant's schema, as if it were `public`. */
export async function bySchema(url: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const line of await dumpCatalog(url)) {
    const [tenant] = line.match(/\bshop_\w+/) ?? [];
    if (tenant === undefined) continue;
    const lines = found.get(tenant) ?? [];
    if (!line.startsWith('schema ')) lines.push(line.replaceAll(tenant, 'public'));
    found.set(tenant, lines.sort());
  }
  return found;
}

interface TenantWorkload {
  readonly namespace: string;
  /** Of the running application, sorted. */
  readonly statements: readonly string[] | null;
  /** Where their names are looked up. */
  readonly paths: readonly (string | null)[] | null;
}

/** The workload of the running application, by the tenants of one database. */
export const workloadsIn = ({ run }: Rds, database: string): Promise<TenantWorkload[]> =>
  run<TenantWorkload>(
    database,
    `SELECT n.name AS namespace, array_agg(w.statement ORDER BY w.statement) FILTER (WHERE w.number IS NOT NULL) AS statements,
            array_agg(DISTINCT btrim(w.search_path, '"')) FILTER (WHERE w.number IS NOT NULL) AS paths
       FROM trueup.namespaces n LEFT JOIN trueup.workload_statements w ON w.namespace = n.name AND w.workload = n.workload
      GROUP BY n.name ORDER BY n.name`,
  );

const secrets = () => new SecretsManagerClient(clientConfig());

async function makeSecret(name: string, login: { username: string; password: string }): Promise<void> {
  await secrets().send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(login) }));
}

/** Marked for deletion, as it is for the next week. */
async function deleteSecret(name: string): Promise<void> {
  await secrets().send(new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }));
}

/** Each is a database, or a schema `shop_…` of database `app`. */
export class Tenants {
  constructor(
    private readonly rds: Rds,
    /** Of the fleet's folder. */
    private readonly namespace: string,
  ) {}

  sql(tenant: string, sql: string): Promise<object[]> {
    return isSchema(tenant)
      ? this.rds.run('app', `SET search_path TO ${tenant}; ${sql}`)
      : this.rds.run(tenant, sql);
  }

  /** So that `0003_short` fails there. */
  spoil = (tenant: string) => this.sql(tenant, 'ALTER TABLE orders ADD CONSTRAINT short CHECK (true)');
  repair = (tenant: string) => this.sql(tenant, 'ALTER TABLE orders DROP CONSTRAINT short');

  historyOf = (tenant: string): Promise<Record<string, string[]>> =>
    histories(this.rds, isSchema(tenant) ? 'app' : tenant, this.namespaceOf(tenant));

  histories = (tenants: readonly string[]): Promise<Record<string, Record<string, string[]>>> =>
    byName(tenants, this.historyOf);

  done = (migration: string, tenants: readonly string[]): Promise<Record<string, string[]>> =>
    byName(tenants, async (tenant) => (await this.historyOf(tenant))[migration] ?? []);

  /** Of the running application, sorted. */
  statements = (tenants: readonly string[]): Promise<Record<string, TenantWorkload['statements']>> =>
    byName(tenants, async (tenant) => {
      const all = await workloadsIn(this.rds, isSchema(tenant) ? 'app' : tenant);
      return all.find(({ namespace }) => namespace === this.namespaceOf(tenant))!.statements;
    });

  /** Of all tenants in schemas, and of these. */
  catalogs = async (databases: readonly string[]): Promise<unknown[]> => [
    await bySchema(this.rds.adminUrl('app')),
    await byName(databases, (database) => dumpCatalog(this.rds.adminUrl(database))),
  ];

  /** What was done to tenants in schemas, in its order. */
  async eventsOf(tenants: readonly string[]): Promise<Map<string, string[]>> {
    const rows = await this.rds.run<{ tenant: string; done: string[] }>(
      'app',
      `SELECT split_part(namespace, '/', 2) AS tenant, array_agg(migration ORDER BY id) AS done FROM trueup.events
        WHERE migration IS NOT NULL AND event IN ('applied', 'unverified', 'undone') GROUP BY 1`,
    );
    const all = new Map(rows.map(({ tenant, done }) => [tenant, done]));
    return new Map(tenants.map((name) => [name, all.get(name) ?? []]));
  }

  /** Three databases with logins of their own: the secrets of two of them are gone. Table `logins` lists them. */
  async makeLogins(): Promise<void> {
    const { run } = this.rds;
    await run('app', `CREATE ROLE own LOGIN PASSWORD 'of one tenant'`);
    await run('app', 'CREATE TABLE public.logins (name text, database text, secret text)');
    await run('app', 'GRANT SELECT ON public.logins TO postgres');
    const secretOf = (name: string) => `${this.namespace}/tenants/${name}`;
    for (const name of ['own_ok', 'own_never', 'own_deleted']) {
      await run('app', `CREATE DATABASE ${name} OWNER own`);
      await run('app', 'INSERT INTO public.logins VALUES ($1, $1, $2)', [name, secretOf(name)]);
    }
    const login = { username: 'own', password: 'of one tenant' };
    for (const name of ['own_ok', 'own_deleted']) await makeSecret(secretOf(name), login);
    await deleteSecret(secretOf('own_deleted'));
  }

  private namespaceOf(tenant: string): string {
    return isSchema(tenant) ? `${this.namespace}/${tenant}` : this.namespace;
  }
}

const isSchema = (tenant: string): boolean => tenant.startsWith('shop_');

const byName = async <T>(
  names: readonly string[],
  what: (name: string) => Promise<T>,
): Promise<Record<string, T>> =>
  Object.fromEntries(await Promise.all(names.map(async (name) => [name, await what(name)] as const)));

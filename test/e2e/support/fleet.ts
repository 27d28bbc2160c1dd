/** What the scenarios of a fleet look at: its tenants' catalogues, promises and secrets. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { dumpCatalogue } from '../../../lib/demo/catalogue';
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

/** Lines of the catalogue of each tenant's schema, as if it were `public`. */
export async function bySchema(url: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const line of await dumpCatalogue(url)) {
    const [tenant] = line.match(/\bshop_\w+/) ?? [];
    if (tenant === undefined) continue;
    const lines = found.get(tenant) ?? [];
    if (!line.startsWith('schema ')) lines.push(line.replaceAll(tenant, 'public'));
    found.set(tenant, lines.sort());
  }
  return found;
}

export interface Promised {
  readonly namespace: string;
  /** Of the running application, sorted. */
  readonly statements: readonly string[] | null;
  /** Where their names are looked up. */
  readonly paths: readonly (string | null)[] | null;
}

/** What the running application promises, by the tenants of one database. */
export const promisesIn = ({ run }: Rds, database: string): Promise<Promised[]> =>
  run<Promised>(
    database,
    `SELECT n.name AS namespace, array_agg(w.statement ORDER BY w.statement) FILTER (WHERE w.number IS NOT NULL) AS statements,
            array_agg(DISTINCT btrim(w.path, '"')) FILTER (WHERE w.number IS NOT NULL) AS paths
       FROM trueup.namespaces n LEFT JOIN trueup.workload w ON w.namespace = n.name AND w.promise = n.promise
      GROUP BY n.name ORDER BY n.name`,
  );

const secrets = () => new SecretsManagerClient(clientConfig());

export async function makeSecret(name: string, login: { username: string; password: string }): Promise<void> {
  await secrets().send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(login) }));
}

/** Marked for deletion, as it is for the next week. */
export async function deleteSecret(name: string): Promise<void> {
  await secrets().send(new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }));
}

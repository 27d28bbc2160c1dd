/** The PostgreSQL behind an RDS instance or cluster: started by the test that deploys it, so that it can also take it down. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { type PostgresServer, startPostgres } from '../../../lib/scratch-postgres/server';
import { buildDatabaseParameters } from '../../../lib/stacks/database-parameters';
import type { Certificates } from './certificates';
import { localAws } from './scenario';

/** The parameter group of our own stack, as far as a server outside RDS knows the names. */
const SETTINGS = Object.fromEntries(
  Object.entries(buildDatabaseParameters({ majorVersion: 17, logStatements: true })).filter(
    ([name]) => !name.startsWith('rds.'),
  ),
);

export interface Rds {
  readonly server: PostgresServer;
  /** A superuser's URL, which no template knows. */
  adminUrl(database?: string): string;
  /** Runs SQL as the superuser. */
  run<Row extends object>(database: string, sql: string, params?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** @param identifier of the instance or cluster, as the stack names it */
export async function startRds(
  identifier: string,
  options: { readonly settings?: Record<string, string>; readonly tls?: Certificates } = {},
): Promise<Rds> {
  const { certificates, rootsFile, databases } = localAws();
  const server = await startPostgres({
    superuser: 'rdsadmin',
    tls: options.tls ?? certificates,
    settings: { ...SETTINGS, ...options.settings },
  });
  // A certificate that is meant to be refused is not in our own way.
  const tls = options.tls
    ? 'sslmode=no-verify'
    : `sslmode=verify-full&sslrootcert=${encodeURIComponent(rootsFile)}`;
  const adminUrl = (database?: string) => `${server.url(database)}?${tls}`;
  const run = async <Row extends object>(database: string, sql: string, params: unknown[] = []) => {
    const client = new Client({ connectionString: adminUrl(database) });
    await client.connect();
    try {
      return (await client.query<Row>(sql, params)).rows;
    } finally {
      await client.end();
    }
  };
  acceptTokens(server);
  await run('postgres', 'SELECT pg_reload_conf()');
  writeFileSync(
    join(databases, `${identifier}.json`),
    JSON.stringify({ host: server.host, port: server.port, adminUrl: `${server.url()}?sslmode=require` }),
  );
  return { server, adminUrl, run, stop: () => server.stop() };
}

/**
 * Members of rds_iam get in with any password: what stands for IAM's token is not looked at here. The master user may
 * grant that role and so is a member, but logs in with its password as on RDS.
 */
function acceptTokens(server: PostgresServer): void {
  const file = join(server.dataDirectory, 'pg_hba.conf');
  const rules = readFileSync(file, 'utf8');
  const master = 'hostssl all postgres,rdsadmin 127.0.0.1/32 scram-sha-256';
  writeFileSync(file, `${master}\nhostssl all +rds_iam 127.0.0.1/32 trust\n${rules}`);
}

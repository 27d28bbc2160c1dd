/** The tools themselves, each as its users start it. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LedgerTool } from '../../../lambda/engine/ledger/other-tools';
import type { PostgresServer } from '../../../lib/scratch-postgres/server';
import { succeed } from './run';

const ROOT = join(__dirname, '../../..');
const BIN = join(ROOT, 'node_modules/.bin');

/** The environment's name of a program that this project does not install; of Drizzle, of a `node_modules` that has it. */
const PROGRAMS: Partial<Record<LedgerTool, string>> = {
  Supabase: 'SUPABASE',
  Prisma: 'PRISMA',
  Drizzle: 'DRIZZLE',
  'golang-migrate': 'MIGRATE',
  Flyway: 'FLYWAY',
  goose: 'GOOSE',
};

/** What has to be named before a folder of the tool can be deployed; null where nothing has. */
export const missingProgram = (tool: LedgerTool): string | null => {
  const name = PROGRAMS[tool];
  return name === undefined || process.env[name] ? null : name;
};

/** Deploys the folder to the empty database. @throws {Error} with the tool's words */
export async function deployBy(tool: LedgerTool, folder: string, server: PostgresServer): Promise<void> {
  const url = server.url();
  const plain = `${url}?sslmode=disable`;
  const program = process.env[PROGRAMS[tool] ?? ''] ?? '';
  switch (tool) {
    case 'Supabase': {
      const workdir = dirname(dirname(asSupabase(folder)));
      await succeed(program, ['db', 'push', '--yes', '--db-url', plain, '--workdir', workdir]);
      return;
    }
    case 'Prisma': {
      const home = dirname(dirname(asPrisma(folder)));
      await succeed(program, ['migrate', 'deploy'], { cwd: home, env: { DATABASE_URL: url } });
      return;
    }
    case 'Drizzle':
      await succeed(process.execPath, ['-e', DRIZZLE], {
        env: { DRIZZLE: program, FOLDER: folder, DATABASE_URL: url },
      });
      return;
    case 'golang-migrate':
      await succeed(program, ['-path', folder, '-database', plain, 'up']);
      return;
    case 'Flyway': {
      const jdbc = `jdbc:postgresql://${server.host}:${server.port}/postgres`;
      // Its lock is otherwise a transaction that stays open, for which CREATE INDEX CONCURRENTLY waits for ever.
      const lock = '-postgresql.transactional.lock=false';
      const login = [`-url=${jdbc}`, `-user=${server.superuser}`, `-password=${server.password}`];
      await succeed(program, [...login, lock, `-locations=filesystem:${folder}`, 'migrate']);
      return;
    }
    case 'dbmate':
      await succeed(join(BIN, 'dbmate'), [
        ...['--url', plain, '--migrations-dir', folder, '--no-dump-schema'],
        'up',
      ]);
      return;
    case 'node-pg-migrate':
      await succeed(join(BIN, 'node-pg-migrate'), ['up', '-m', folder], { env: { DATABASE_URL: url } });
      return;
    case 'goose':
      await succeed(program, ['-dir', folder, 'postgres', plain, 'up']);
      return;
    default:
      throw new Error(`${tool} has no program here`);
  }
}

const DRIZZLE = `
const { DRIZZLE, FOLDER, DATABASE_URL } = process.env;
const { drizzle } = require(DRIZZLE + '/drizzle-orm/node-postgres');
const { migrate } = require(DRIZZLE + '/drizzle-orm/node-postgres/migrator');
const { Client } = require(DRIZZLE + '/pg');
const client = new Client({ connectionString: DATABASE_URL });
client.connect().then(() => migrate(drizzle(client), { migrationsFolder: FOLDER })).then(() => client.end()).catch((error) => {
  console.error(error.cause ?? error);
  process.exit(1);
});`;

/** As \`supabase/migrations\`, where its command line looks. */
function asSupabase(folder: string): string {
  if (/supabase\/migrations$/.test(folder)) return folder;
  const wanted = join(dirname(folder), 'supabase/migrations');
  cpSync(folder, wanted, { recursive: true });
  return wanted;
}

/** As \`prisma/migrations\`, beside a schema that says no more than where the database is. */
function asPrisma(folder: string): string {
  const wanted = join(dirname(folder), `${basename(folder)}-deployed`, 'prisma/migrations');
  mkdirSync(dirname(wanted), { recursive: true });
  cpSync(folder, wanted, { recursive: true });
  writeFileSync(
    join(dirname(wanted), 'schema.prisma'),
    'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
  );
  return wanted;
}

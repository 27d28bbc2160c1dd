/**
 * `npm run bench -- --fleet 1000,300`: so many schemas of one database, and so many databases, on one server. Trueup's
 * command line is beside a loop over the same tenants with node-pg-migrate's own function, in one process: the best that
 * can be made of it without its start-up time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { PostgresServer } from '../lib/scratch-postgres/server';
import { startProxy } from '../test/support/proxy';
import type { Target } from './targets';
import { seconds } from './targets';
import { start, type Tool } from './tools';
import { type Folders, smallMigrations, writeFolders } from './workload';

export interface FleetSize {
  readonly schemas: number;
  readonly databases: number;
}

/** One run of the command line over all tenants. */
export interface FleetRun {
  readonly what: string;
  readonly ms: number;
  /** Processor time of the command line, ms; null where the system does not tell. */
  readonly cpuMs: number | null;
  /** The most memory that it had at once, MB; null where the system does not tell. */
  readonly memoryMb: number | null;
  readonly roundTrips: number;
  readonly connections: number;
  /** The same with node-pg-migrate. */
  readonly peerMs: number;
}

export interface FleetMeasured extends FleetSize {
  readonly runs: readonly FleetRun[];
  /** Nothing to do, for all and for a tenth of the tenants, with {@link SMALL_HEAP}; null where the system does not tell. */
  readonly memoryMb: readonly [all: number | null, tenth: number | null];
}

/** Node.js lets garbage lie as long as there is room: in little room it is seen what is needed. */
const SMALL_HEAP = { NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=48' };

const CONCURRENCY = 8;
const SCHEMAS_IN = 'fleet_schemas';

export function fleetSize(text: string): FleetSize {
  const [schemas, databases] = text.split(',').map(Number);
  if (!Number.isInteger(schemas) || !Number.isInteger(databases))
    throw new Error('--fleet SCHEMAS,DATABASES');
  return { schemas: schemas!, databases: databases! };
}

export async function measureFleet(
  server: PostgresServer,
  tool: Tool,
  root: string,
  size: FleetSize,
  say: (text: string) => void,
): Promise<FleetMeasured> {
  say(`${size.schemas} schemas and ${size.databases} databases for each tool …`);
  const [own, theirs] = [await makeTenants(server, 'own', size), await makeTenants(server, 'peer', size)];
  const list = join(root, 'tenants.jsonl');
  const write = (tenants: readonly Tenant[]) =>
    writeFileSync(list, tenants.map((tenant) => `${JSON.stringify(tenant)}\n`).join(''));
  write(own);
  const folders = [1, 2].map((count) => writeFolders(join(root, `fleet-${count}`), smallMigrations(count)));
  const runs: FleetRun[] = [];
  for (const [what, folder] of [
    ['a new fleet, one migration', folders[0]!],
    ['one migration', folders[1]!],
    ['nothing to do', folders[1]!],
  ] as const) {
    say(`${what} …`);
    const run = await measureRun(server, tool, folder, list);
    runs.push({ what, ...run, peerMs: await loop(server, theirs, folder) });
  }
  say('memory …');
  const all = await measureRun(server, tool, folders[1]!, list, SMALL_HEAP);
  write(own.filter((_, i) => i % 10 === 0));
  const tenth = await measureRun(server, tool, folders[1]!, list, SMALL_HEAP);
  return { ...size, runs, memoryMb: [all.memoryMb, tenth.memoryMb] };
}

interface Tenant {
  readonly name: string;
  readonly database: string;
  readonly schema?: string;
}

async function makeTenants(server: PostgresServer, prefix: string, size: FleetSize): Promise<Tenant[]> {
  const admin = new Client({ connectionString: server.url() });
  await admin.connect();
  const tenants: Tenant[] = [];
  const shared = `${prefix}_${SCHEMAS_IN}`;
  await admin.query(`CREATE DATABASE ${shared}`);
  for (let i = 0; i < size.databases; i++) {
    const database = `${prefix}_${i}`;
    await admin.query(`CREATE DATABASE ${database}`);
    tenants.push({ name: database, database });
  }
  await admin.end();
  const inside = new Client({ connectionString: server.url(shared) });
  await inside.connect();
  for (let i = 0; i < size.schemas; i++) {
    await inside.query(`CREATE SCHEMA tenant_${i}`);
    tenants.push({ name: `tenant_${i}`, database: shared, schema: `tenant_${i}` });
  }
  await inside.end();
  return tenants;
}

async function measureRun(
  server: PostgresServer,
  tool: Tool,
  folders: Folders,
  list: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Omit<FleetRun, 'what' | 'peerMs'>> {
  const proxy = await startProxy({ target: server });
  const { file, args, env } = tool.command(proxy.url(server.url()), folders);
  const began = performance.now();
  const child = start({
    file,
    args: [...args, '--fleet', list, '--concurrency', String(CONCURRENCY), '--namespace', 'bench'],
    env: { ...env, ...environment },
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const seen = { cpuMs: null as number | null, memoryMb: null as number | null };
  let connections = 0;
  const admin = new Client({ connectionString: server.url() });
  await admin.connect();
  let over = false;
  const watching = (async () => {
    for (; !over; await sleep(100)) {
      Object.assign(seen, usedBy(child.pid!) ?? {});
      const { rows } = await admin.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'trueup'",
      );
      connections = Math.max(connections, rows[0].n);
    }
  })();
  const code = await ended;
  const ms = performance.now() - began;
  over = true;
  await watching;
  await admin.end();
  const roundTrips = proxy.roundTrips();
  await proxy.close();
  if (code !== 0) throw new Error(`up --fleet ended with ${code}:\n${child.words()}`);
  return { ms, ...seen, roundTrips, connections };
}

/** Linux tells, in /proc. Null elsewhere, and of a process that has gone. */
function usedBy(pid: number): { cpuMs: number; memoryMb: number } | null {
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // Fields 14 and 15 of the whole line, in hundredths of a second.
    const ticks = Number(fields[11]) + Number(fields[12]);
    return peak ? { cpuMs: ticks * 10, memoryMb: Number(peak[1]) / 1024 } : null;
  } catch {
    return null;
  }
}

/** One after the other: its lock is one a database, and a second run in it is refused. */
async function loop(server: PostgresServer, tenants: readonly Tenant[], folders: Folders): Promise<number> {
  const { runner } = await import('node-pg-migrate');
  const began = performance.now();
  for (const { database, schema = 'public' } of tenants) {
    await runner({
      databaseUrl: server.url(database),
      dir: folders.nodePgMigrate,
      direction: 'up',
      migrationsTable: 'pgmigrations',
      schema,
      log: () => {},
      logger: { debug() {}, info() {}, warn() {}, error: console.error },
    });
  }
  return performance.now() - began;
}

/** Pure. */
export function judgeFleet({ schemas, databases, runs, memoryMb: [all, tenth] }: FleetMeasured): Target[] {
  const tenants = schemas + databases;
  // The targets are those of 1,000 schemas and 300 databases; fewer have their share.
  const share = Math.min(1, tenants / 1_300);
  const most = (what: string, value: number, limit: number, reached = String(value)): Target => ({
    what,
    wanted: `≤ ${limit}`,
    reached,
    met: value <= limit,
  });
  const [, migrated, idle] = runs as readonly [FleetRun, FleetRun, FleetRun];
  const ratio = (run: FleetRun) =>
    most(`${run.what}, of node-pg-migrate's`, run.ms / run.peerMs, 1, (run.ms / run.peerMs).toFixed(2));
  const within = (run: FleetRun, limitS: number) =>
    most(`${run.what}, s`, run.ms / 1000, Math.ceil(limitS * share), (run.ms / 1000).toFixed(1));
  return [
    within(idle, 60),
    within(migrated, 300),
    ratio(idle),
    ratio(migrated),
    most('connections at once', Math.max(...runs.map((run) => run.connections)), CONCURRENCY),
    most('round trips a tenant, nothing to do', perTenant(idle, tenants), 4),
    ...(all === null || tenth === null
      ? []
      : [
          most(
            "memory, of a tenth of the fleet's",
            all / tenth,
            1.25,
            `${(all / tenth).toFixed(2)} (${all.toFixed(0)} MB of ${tenth.toFixed(0)} MB)`,
          ),
        ]),
  ];
}

const perTenant = ({ roundTrips }: FleetRun, tenants: number): number =>
  Math.round((100 * roundTrips) / tenants) / 100;

export const fleetRows = ({ schemas, databases, runs }: FleetMeasured): string[][] =>
  runs.map((run) => [
    run.what,
    seconds(run.ms),
    seconds(run.peerMs),
    run.cpuMs === null ? '–' : seconds(run.cpuMs),
    run.memoryMb === null ? '–' : `${run.memoryMb.toFixed(0)} MB`,
    String(perTenant(run, schemas + databases)),
    String(run.connections),
  ]);

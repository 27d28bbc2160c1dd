/**
 * Deploys to a fleet while functions are killed, the server crashes, answers of AWS are lost, runs are stopped in the middle and
 * deployments are rolled back; all of it drawn by a seed, with a workload that changes with the files or alone, and releases that
 * break it. Then each tenant must have each migration once, by its ledger and by its data, the catalog of a database that was
 * migrated alone, and the promise of the last release. Step Functions is the stand-in of test/fleet-run, the
 * functions are processes, PostgreSQL is real. The exit code is 1 when anything differs.
 *
 * @example npm run campaign:fleet -- --databases 20 --schemas 80 --kills 100 --crashes 5 --seed 1 --majors 13,18
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import type { FleetPlan } from '../../lambda/contract/fleet-run';
import type { Manifest } from '../../lambda/contract/manifest';
import { FleetError } from '../../lambda/fleet-run/error';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { StandIn } from '../fleet-run/stand-in';
import { different, type Tenant, withClient } from './fleet/evidence';
import { codeOf, Functions } from './fleet/functions';
import { releases } from './fleet/releases';
import { Random } from './random';

const { values } = parseArgs({
  options: {
    databases: { type: 'string', default: '20' },
    schemas: { type: 'string', default: '80' },
    kills: { type: 'string', default: '100' },
    crashes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    majors: { type: 'string', default: '13,18' },
  },
});
const [KILLS, CRASHES] = [Number(values.kills), Number(values.crashes)];
const NAMESPACE = 'crm';
const MAX_DEPLOYMENTS = 60;

async function campaign(major: number, script: string, folder: string): Promise<number> {
  const random = new Random(Number(values.seed) + major);
  const { first, second, reworked, breaking } = await releases();
  const server = await startPostgres({ major });
  const tenants: Tenant[] = [
    ...Array.from({ length: Number(values.databases) }, (_, i) => ({ name: `db_${i}`, database: `db_${i}` })),
    ...Array.from({ length: Number(values.schemas) }, (_, i) => ({
      name: `s_${i}`,
      database: 'app',
      schema: `s_${i}`,
    })),
  ];
  await withClient(server.url(), async (client) => {
    for (const name of [
      'app',
      'alone',
      ...tenants.flatMap(({ schema, database }) => (schema ? [] : database)),
    ])
      await client.query(`CREATE DATABASE ${name}`);
  });
  await withClient(server.url('app'), (client) =>
    client.query(tenants.flatMap(({ schema }) => (schema ? `CREATE SCHEMA ${schema}` : [])).join(';')),
  );
  const fleet = { server: 'main', sources: [], sharedSchemas: [], tenantTimeoutMs: 120_000 };
  const chances = { dies: 0 };
  const functions = new Functions(script, folder, server.url('app'), fleet, NAMESPACE, random, chances);
  const tally = { deployments: 0, rollbacks: 0, stopped: 0, crashes: 0, lost: 0, breaking: 0, kept: 0 };

  const aws = new StandIn();
  aws.members = tenants.map((tenant) => ({ ...tenant, server: 'main' }));
  aws.servers = ['main'];
  aws.concurrency = 4;
  aws.clock = {
    sleep: async (ms) => {
      aws.ms += ms;
      await sleep(ms / 4);
    },
  };
  let calls = 0;
  let crashing: Promise<void> | null = null;
  const crash = async (): Promise<void> => {
    tally.crashes++;
    await server.stopServer('immediate');
    await sleep(random.below(1_500));
    await server.startServer();
    crashing = null;
  };
  aws.onTenant = async (_, asked) => {
    const crashNow = chances.dies > 0 && ++calls % 150 === 0 && tally.crashes < CRASHES;
    if (crashNow) crashing ??= sleep(random.below(100)).then(crash);
    let last: NonNullable<typeof asked.last> | undefined;
    for (;;) {
      const answer = await functions.call({ action: 'tenant', ...asked, ...(last ? { last } : {}) });
      if (answer?.action !== 'tenant') return 'dies';
      if (answer.tenant.state !== 'continue') return answer.tenant;
      last = { answer };
      await sleep(200);
    }
  };
  /** One call of AWS in twenty is not made, or its answer is lost. */
  const losing =
    <A extends unknown[], T>(call: (...asked: A) => Promise<T>) =>
    async (...asked: A): Promise<T> => {
      const drawn = chances.dies > 0 ? random.below(40) : 2;
      if (drawn < 2) tally.lost += chances.dies > 0 ? 1 : 0;
      const lost = new FleetError('AWS did not answer (campaign).', true);
      if (chances.dies > 0 && drawn === 0) throw lost;
      const answer = await call(...asked);
      if (chances.dies > 0 && drawn === 1) throw lost;
      return answer;
    };
  const { bucket, executions, invokeMigrate } = aws.inside;
  aws.outbound = {
    ...aws.inside,
    bucket: { get: losing(bucket.get), put: losing(bucket.put) },
    executions: {
      start: losing(executions.start),
      describe: losing(executions.describe),
      stop: losing(executions.stop),
      running: losing(executions.running),
      startedSince: losing(executions.startedSince),
    },
    invokeMigrate: async (name, request) => {
      if (request.action !== 'server') return invokeMigrate(name, request);
      const response = await functions.call(request);
      return response === null ? { kind: 'died', message: 'killed' } : { kind: 'answered', response };
    },
  };
  const plan = (manifest: Manifest): Partial<FleetPlan> => ({
    namespace: NAMESPACE,
    manifestHash: manifest.hash,
    code: codeOf(manifest),
    servers: { main: { concurrency: 4 } },
    // Else hardly a run would come further than the look.
    maxFailures: chances.dies > 0 && random.below(4) > 0 ? tenants.length : 0,
  });
  /** To its answer, with whatever waves are to be done meanwhile. */
  const request = async (
    id: string,
    to: Manifest,
    from: Manifest,
    stopAfter?: number,
  ): Promise<boolean | null> => {
    aws.ms = 1_000_000;
    const options = {
      plan: plan(to),
      properties: { ManifestHash: to.hash, Target: 'fleet:main', Namespace: NAMESPACE },
      old: { ManifestHash: from.hash },
    };
    let waves = 0;
    for (;;) {
      try {
        if ((await aws.poll(id, options)).IsComplete) return true;
      } catch {
        return false;
      }
      aws.ms += 5_000;
      const running = [...aws.runs].filter(([, { status }]) => status === 'RUNNING').map(([name]) => name);
      const [name] = running.filter((each) => each.startsWith(id));
      if (name === undefined) continue;
      if (waves++ === stopAfter) {
        // Nobody waits for it: its children go on while the rollback looks who is at work.
        aws.wave(name).catch((error) => console.error(error));
        await sleep(random.below(400));
        return null;
      }
      await aws.wave(name);
    }
  };

  functions.deploy(first);
  if (!(await request('first', first, first)))
    throw new Error('The first release did not come through undisturbed.');
  chances.dies = 60;
  let current = first;
  /** Files and workload, the workload alone, the one before again, or what no tenant takes. */
  const next = (): Manifest => {
    if (random.below(5) === 0) return breaking;
    if (current === first) return random.below(2) === 0 ? second : reworked;
    return current === second ? reworked : second;
  };
  let through = false;
  while (!through || functions.killed < KILLS) {
    if (tally.deployments === MAX_DEPLOYMENTS) break;
    if (functions.killed >= KILLS) chances.dies = 0;
    const id = `up-${++tally.deployments}`;
    const to = next();
    if (to === breaking) tally.breaking++;
    functions.deploy(to);
    aws.status = 'UPDATE_IN_PROGRESS';
    const ended = await request(id, to, current, random.below(3) === 0 ? 1 + random.below(3) : undefined);
    if (ended === null) tally.stopped++;
    // Where all are tolerated, also one that every tenant refuses comes through.
    through = ended === true && to !== breaking;
    if (through && random.below(3) > 0) {
      tally.kept++;
      current = to;
      continue;
    }
    if (through && functions.killed >= KILLS) break;
    if (ended !== false || random.below(2) === 0) {
      tally.rollbacks++;
      functions.deploy(current);
      aws.status = 'UPDATE_ROLLBACK_IN_PROGRESS';
      if (!(await request(`back-${tally.rollbacks}`, current, to)))
        throw new Error('A rollback answered FAILED.');
      through = false;
    }
  }
  await crashing;
  chances.dies = 0;
  functions.deploy(reworked);
  aws.status = 'UPDATE_IN_PROGRESS';
  if (!(await request('last', reworked, current)))
    throw new Error('The last deployment did not come through undisturbed.');

  aws.members = [{ name: 'alone', database: 'alone', server: 'main' }];
  if (!(await request('alone', reworked, current))) throw new Error('The database alone was not migrated.');
  functions.stop();
  const names = reworked.migrations.map(({ name }) => name);
  const wrong = await different((database) => server.url(database), tenants, NAMESPACE, names);
  for (const each of wrong) console.log(`different: ${JSON.stringify(each)}`);
  await server.stop();
  console.log(
    `PostgreSQL ${major}, seed ${values.seed}: ${tenants.length} tenants, ${functions.killed} functions killed, ${tally.crashes} crashes, ${tally.lost} calls of AWS lost, ${tally.deployments} deployments, ${tally.stopped} of them stopped in the middle, ${tally.breaking} that no tenant takes, ${tally.kept} followed by the next, ${tally.rollbacks} rollbacks, ${wrong.length} different`,
  );
  return wrong.length;
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-fleet-'));
  const script = join(folder, 'function.cjs');
  buildSync({
    entryPoints: [join(__dirname, 'fleet', 'function.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    external: ['pg-native'],
    logLevel: 'error',
  });
  // The handlers' own lines.
  const { write } = process.stdout;
  process.stdout.write = ((text: string, ...rest: []) =>
    String(text).startsWith('{"time"') ? true : write.call(process.stdout, text, ...rest)) as typeof write;
  let wrong = 0;
  try {
    for (const major of values.majors.split(',').map(Number)) wrong += await campaign(major, script, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return wrong === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

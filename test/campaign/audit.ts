/**
 * Loses things: a schema is drawn by a seed, a copy of it loses some of what it has, the audit finds it, writes migrations, and
 * these are deployed. Then a second audit must be silent, and the catalogue of the copy must have all that the source's has,
 * compared entry by entry with no code of the audit's. What is told to be unwritten is counted. The exit code is 1 when
 * anything is left.
 *
 * @example npm run campaign:audit -- --runs 100 --objects 60 --losses 8 --seed 1 --majors 13,18
 */
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import type { Catalogue } from '../../lambda/audit/catalogue';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { audit } from '../../lib/audit/audit';
import { type Snapshot, takeSnapshot } from '../../lib/audit/snapshot';
import type { WrittenFile } from '../../lib/audit/write/files';
import { loadParser } from '../../lib/compiler/read/parser';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { lacking } from '../audit/lacking';
import { roundTrip } from '../audit/round-trip';
import { type Attempt, attemptsOn } from './audit/attempt';
import { lossesOf } from './audit/losses';
import { makeSchema } from './audit/schema';
import { Random } from './random';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    objects: { type: 'string', default: '60' },
    losses: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    majors: { type: 'string', default: '13,18' },
    /** The statements that made the source, and the written files. */
    show: { type: 'boolean', default: false },
  },
});
const ROLE = 'an\'y "one';
const OPTIONS = { version: '0', workload: [] } as const;

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return work(client).finally(() => client.end());
}

const withDatabase = async <T>(url: string, work: (db: Database) => Promise<T>): Promise<T> => {
  const db = await connectPg({ url, readOnly: true });
  return work(db).finally(() => db.close());
};

const snapshotOf = (url: string): Promise<Snapshot> => withDatabase(url, (db) => takeSnapshot(db, OPTIONS));

/** The statements that did something. */
async function lose(url: string, catalogue: Catalogue, random: Random): Promise<readonly string[]> {
  const all = lossesOf(catalogue);
  const lost: string[] = [];
  await withClient(url, async (client) => {
    const attempt = attemptsOn(client);
    for (let left = 1 + random.below(Number(values.losses)); left > 0; left--) {
      const sql = random.of(all);
      if (await attempt(sql)) lost.push(sql);
    }
  });
  return lost;
}

const shown =
  (attempt: Attempt): Attempt =>
  async (sql) => {
    const done = await attempt(sql);
    if (values.show && done) console.log(`${sql};`);
    return done;
  };

/** Of a deployment: with `--show` the file as well. */
function failure({ message, cause }: Error): string {
  const file = (cause as readonly WrittenFile[] | undefined)?.find(({ name }) =>
    message.includes(`"file":"${name}"`),
  );
  return `failed: ${message.slice(0, 600)}${values.show && file ? `\n${file.text}` : ''}`;
}

interface Ended {
  readonly objects: number;
  readonly lost: readonly string[];
  readonly found: number;
  readonly unwritten: readonly string[];
  readonly wrong: readonly string[];
}

async function once(server: Awaited<ReturnType<typeof startPostgres>>, seed: number): Promise<Ended> {
  const random = new Random(seed);
  const [source, target] = [`source_${seed}`, `target_${seed}`];
  await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${source}`));
  const objects = await withClient(server.url(source), (client) =>
    makeSchema(Number(values.objects), random, server.major, shown(attemptsOn(client)), ROLE),
  );
  const before = await snapshotOf(server.url(source));
  /** What is wrong with the source itself. */
  const own = await withDatabase(server.url(source), (db) => audit(db, { ...OPTIONS, source: before }));
  await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${target} TEMPLATE ${source}`));
  try {
    const lost = await lose(server.url(target), before.catalogue, random);
    const changed = lacking(before.catalogue, (await snapshotOf(server.url(target))).catalogue);
    return await withDatabase(server.url(target), async (db): Promise<Ended> => {
      const common = { objects, lost };
      try {
        if (values.show)
          for (const { id, object, message } of (await audit(db, { ...OPTIONS, source: before })).findings)
            console.log(`-- ${id} ${object}: ${message}`);
        const { first, written, left } = await roundTrip(server.url(target), db, {
          ...OPTIONS,
          source: before,
        });
        const isCompared = ({ id, message }: { id: string; message: string }) =>
          first.compared.differences.some((each) => each.id === id && each.message === message);
        const unwritten = [...written.unwritten].flatMap(([finding, why]) =>
          isCompared(finding) ? `${finding.message} (${why})` : [],
        );
        const after = lacking(before.catalogue, (await snapshotOf(server.url(target))).catalogue);
        const compared = first.findings.filter(isCompared);
        const known = new Set(own.findings.map(({ message }) => message));
        return {
          ...common,
          found: compared.length,
          unwritten,
          wrong: [
            ...(compared.length === 0 ? changed.map((each) => `not found: ${each}`) : []),
            ...(changed.length === 0 ? compared.map(({ message }) => `nothing was lost: ${message}`) : []),
            ...(unwritten.length > 0
              ? []
              : left.filter(({ message }) => !known.has(message)).map(({ message }) => `left: ${message}`)),
            ...(unwritten.length > 0 ? [] : after.map((each) => `lacking: ${each}`)),
          ],
        };
      } catch (error) {
        return {
          ...common,
          found: 0,
          unwritten: [],
          wrong: [failure(error as Error)],
        };
      }
    });
  } finally {
    await withClient(server.url(), async (client) => {
      await client.query(`DROP DATABASE ${target} WITH (FORCE)`);
      await client.query(`DROP DATABASE ${source} WITH (FORCE)`);
    });
  }
}

async function main(): Promise<number> {
  await loadParser();
  let wrong = 0;
  for (const major of values.majors.split(',').map(Number)) {
    const server = await startPostgres({ major });
    try {
      await withClient(server.url(), (client) => client.query(`CREATE ROLE "an'y ""one"`));
      let [lost, found, unwritten] = [0, 0, 0];
      for (let run = 0; run < Number(values.runs); run++) {
        const seed = Number(values.seed) + run;
        const ended = await once(server, seed);
        lost += ended.lost.length;
        found += ended.found;
        unwritten += ended.unwritten.length;
        if (values.show) for (const each of ended.unwritten) console.log(`-- unwritten: ${each}`);
        if (ended.wrong.length === 0) continue;
        wrong++;
        console.log(
          `PostgreSQL ${major}, --seed ${seed} --runs 1:\n  ${ended.lost.join('\n  ')}\n    ${ended.wrong.slice(0, 12).join('\n    ')}`,
        );
      }
      console.log(
        `PostgreSQL ${major}: ${values.runs} schemas, ${lost} statements that took something away, ${found} findings, ${unwritten} of them with no file.`,
      );
    } finally {
      await server.stop();
    }
  }
  console.log(wrong === 0 ? 'All came back.' : `${wrong} wrong.`);
  return wrong === 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(error);
    process.exitCode = 2;
  },
);

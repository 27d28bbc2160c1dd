/**
 * Loses things: a schema is drawn by a seed, a copy of it loses some of what it has, the audit finds it, writes migrations, and
 * these are deployed. Then a second audit must be silent, and the catalog of the copy must have all that the source's has,
 * compared entry by entry with no code of the audit's. The files must also apply to what `check --run` begins with. What is told
 * to be unwritten is counted, and so is a deployment that a preflight stops because rows were lost with a table or a column. The
 * exit code is 1 when anything is left.
 *
 * @example npm run campaign:audit -- --runs 100 --objects 60 --losses 8 --seed 1 --majors 13,18
 */
import { parseArgs } from 'node:util';
import type { Catalog } from '../../lambda/audit/catalog';
import type { AuditFinding } from '../../lambda/defects/findings';
import type { Database } from '../../lambda/postgres/database';
import { quoteIdentifier } from '../../lambda/sql/quote';
import { audit } from '../../lib/audit/audit';
import type { Snapshot } from '../../lib/audit/snapshot';
import type { WrittenFile } from '../../lib/audit/write/files';
import { loadParser } from '../../lib/compiler/read/parser';
import { startPostgres } from '../../lib/scratch-postgres/server';
import { lacking } from '../audit/lacking';
import { roundTrip } from '../audit/round-trip';
import { type Attempt, attemptsOn } from './audit/attempt';
import { OPTIONS, snapshotOf, withClient, withDatabase } from './audit/databases';
import { fromNothing } from './audit/from-nothing';
import { lossesOf } from './audit/losses';
import { makeSchema } from './audit/schema';
import { Random } from './random';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    objects: { type: 'string', default: '60' },
    /** At most; or `all`, for a copy that is an empty database. */
    losses: { type: 'string', default: '8' },
    /** Of each table that takes them. */
    rows: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    majors: { type: 'string', default: '13,18' },
    /** The major that the source is drawn on. @default - that of the copy */
    from: { type: 'string' },
    /** The statements that made the source, and the written files. */
    show: { type: 'boolean', default: false },
  },
});
const ALL = values.losses === 'all';
const ROLE = 'an\'y "one';

/** The statements that did something. */
async function lose(url: string, catalog: Catalog, random: Random): Promise<readonly string[]> {
  const all = lossesOf(catalog);
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

/** Of a deployment: with `--show` the files as well. */
function failure({ message, cause }: Error): string {
  const files = values.show ? ((cause as readonly WrittenFile[] | undefined) ?? []) : [];
  for (const { name, text } of files) console.log(`==== ${name}\n${text}`);
  return `failed: ${message.slice(0, 600)}`;
}

interface Ended {
  readonly objects: number;
  readonly lost: readonly string[];
  readonly found: number;
  readonly unwritten: readonly string[];
  readonly wrong: readonly string[];
  /** By a preflight. @default false */
  readonly stopped?: boolean;
}

type Server = Awaited<ReturnType<typeof startPostgres>>;

/** Draws a schema of what this major has, and says by which statements. */
async function draw(server: Server, database: string, random: Random, major: number): Promise<Statements> {
  const statements: string[] = [];
  await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${database}`));
  const objects = await withClient(server.url(database), (client) => {
    const attempt = attemptsOn(client);
    const recorded: Attempt = async (sql) => {
      const done = await attempt(sql);
      if (done) statements.push(sql);
      return done;
    };
    return makeSchema(Number(values.objects), Number(values.rows), random, major, shown(recorded), ROLE);
  });
  return { objects, statements };
}

interface Statements {
  readonly objects: number;
  readonly statements: readonly string[];
}

/** The same schema on another server: false where it takes a statement no more. */
async function repeat(server: Server, database: string, { statements }: Statements): Promise<boolean> {
  await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${database}`));
  return withClient(server.url(database), async (client) => {
    const attempt = attemptsOn(client);
    for (const sql of statements) if (!(await attempt(sql))) return false;
    return true;
  });
}

async function once(from: Server, server: Server, seed: number): Promise<Ended | null> {
  const random = new Random(seed);
  const [source, whole, target] = [`source_${seed}`, `whole_${seed}`, `target_${seed}`];
  try {
    const drawn = await draw(from, source, random, Math.min(from.major, server.major));
    if (!(await repeat(server, whole, drawn))) return null;
    const before = await snapshotOf(from.url(source));
    const wanted = (await snapshotOf(server.url(whole))).catalog;
    // Majors do not give the same names to what has none, nor the same rights.
    if (lacking(before.catalog, wanted).some((each) => /^(?!grants ).* is missing$/.test(each))) return null;
    /** What is wrong with the source itself. */
    const own = await withDatabase(server.url(whole), (db) => audit(db, { ...OPTIONS, source: before }));
    const invented = own.compared.differences.map(({ id, message }) => `invented ${id}: ${message}`);
    const template = ALL ? '' : ` TEMPLATE ${whole}`;
    await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${target}${template}`));
    const lost = ALL ? ['everything'] : await lose(server.url(target), wanted, random);
    const ended = await withDatabase(server.url(target), (db) =>
      bringBack(db, server.url(target), { before, wanted, known: own.findings }),
    ).catch((error: Error) => ({
      found: 0,
      unwritten: [],
      // Rows that were lost with a table or a column, and are needed: a person has to bring them back.
      ...(error.message.includes('"code":"preflight"')
        ? { wrong: [], stopped: true }
        : { wrong: [failure(error)] }),
    }));
    return { objects: drawn.objects, lost, ...ended, wrong: [...invented, ...ended.wrong] };
  } finally {
    for (const [of, database] of [
      [server, target],
      [server, whole],
      [from, source],
    ] as const)
      await withClient(of.url(), (client) =>
        client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
      );
  }
}

interface Original {
  readonly before: Snapshot;
  /** On the major of the copy. */
  readonly wanted: Catalog;
  readonly known: readonly AuditFinding[];
}

async function bringBack(
  db: Database,
  url: string,
  { before, wanted, known }: Original,
): Promise<Pick<Ended, 'found' | 'unwritten' | 'wrong'>> {
  const options = { ...OPTIONS, source: before };
  const changed = lacking(wanted, (await snapshotOf(url)).catalog);
  if (values.show)
    for (const { id, object, message } of (await audit(db, options)).findings)
      console.log(`-- ${id} ${object}: ${message}`);
  const { first, written, left } = await roundTrip(url, db, options);
  const tried = await fromNothing(url, first.compared.target.catalog, written.files);
  const isCompared = ({ id, message }: { id: string; message: string }) =>
    first.compared.differences.some((each) => each.id === id && each.message === message);
  const unwritten = [
    ...[...written.unwritten].flatMap(([finding, why]) =>
      isCompared(finding) ? `${finding.message} (${why})` : [],
    ),
    ...written.left.map(({ difference, why }) => `${difference.message} (${why})`),
  ];
  const found = first.findings.filter(isCompared);
  const messages = new Set(known.map(({ message }) => message));
  const isFound = first.findings.some(({ message }) => !messages.has(message));
  const after = unwritten.length > 0 ? [] : lacking(wanted, (await snapshotOf(url)).catalog);
  return {
    found: found.length,
    unwritten,
    wrong: [
      ...(isFound ? [] : changed.map((each) => `not found: ${each}`)),
      ...(changed.length === 0 ? found.map(({ message }) => `nothing was lost: ${message}`) : []),
      ...(unwritten.length > 0
        ? []
        : left.filter(({ message }) => !messages.has(message)).map(({ message }) => `left: ${message}`)),
      ...after.map((each) => `lacking: ${each}`),
      ...tried,
    ],
  };
}

async function main(): Promise<number> {
  await loadParser();
  let wrong = 0;
  for (const major of values.majors.split(',').map(Number)) {
    const server = await startPostgres({ major });
    const from = values.from ? await startPostgres({ major: Number(values.from) }) : server;
    try {
      for (const each of new Set([from, server]))
        await withClient(each.url(), (client) => client.query(`CREATE ROLE ${quoteIdentifier(ROLE)}`));
      let [made, lost, found, unwritten, stopped] = [0, 0, 0, 0, 0];
      for (let run = 0; run < Number(values.runs); run++) {
        const seed = Number(values.seed) + run;
        const ended = await once(from, server, seed);
        if (ended === null) continue;
        made++;
        lost += ended.lost.length;
        found += ended.found;
        unwritten += ended.unwritten.length;
        if (ended.stopped) stopped++;
        if (values.show) for (const each of ended.unwritten) console.log(`-- unwritten: ${each}`);
        if (ended.wrong.length === 0) continue;
        wrong++;
        console.log(
          `PostgreSQL ${major}, --seed ${seed} --runs 1:\n  ${ended.lost.join('\n  ')}\n    ${ended.wrong.slice(0, 12).join('\n    ')}`,
        );
      }
      console.log(
        `PostgreSQL ${major}${from === server ? '' : `, from ${from.major}`}: ${made} of ${values.runs} schemas, ${lost} statements that took something away, ${found} findings, ${unwritten} of them with no file.${stopped > 0 ? ` ${stopped} deployments were stopped by a preflight.` : ''}`,
      );
    } finally {
      await server.stop();
      if (from !== server) await from.stop();
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

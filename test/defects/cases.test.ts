/**
 * The cases of each kind on real servers: the statement fails, the diagnosis names the case, and what it prints is run. Then
 * the statement works and the data is right, or the words have said that a person has to decide.
 */
import { Client, type DatabaseError } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import type { Diagnosis, DiagnosisRequest } from '../../lambda/contract/diagnosis';
import { makeManifest } from '../../lambda/contract/manifest';
import { diagnose } from '../../lambda/defects/diagnose';

import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { normalizeStatement } from '../../lambda/sql/tokens';
import { asSuperuser, createDatabase, majors } from '../support/database';
import { CASES } from './kinds';
import type { DefectCase } from './kinds/case';
import { matchedError } from './matched-error';

const NONE = { manifest: makeManifest([]), status: null };
const APP = 'defect_cases_app';

interface World {
  readonly database: string;
  readonly owner: Client;
  readonly app: Client;
  readonly catalog: Database;
}
const worlds = new Map<number, Promise<World>>();

async function makeWorld(major: number): Promise<World> {
  await asSuperuser(
    major,
    `DO $$ BEGIN CREATE ROLE ${APP}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  );
  const url = await createDatabase(major);
  const [owner, app] = [url, url].map((each) => new Client({ connectionString: each }));
  await Promise.all([owner!.connect(), app!.connect()]);
  await app!.query(`SET SESSION AUTHORIZATION ${APP}`);
  const catalog = await connectPg({ url, readOnly: true, statementTimeoutMs: 20_000 });
  return { database: new URL(url).pathname.slice(1), owner: owner!, app: app!, catalog };
}

const worldOf = (major: number): Promise<World> => {
  const known = worlds.get(major) ?? makeWorld(major);
  worlds.set(major, known);
  return known;
};

afterAll(async () => {
  for (const world of worlds.values()) {
    const { owner, app, catalog } = await world;
    await Promise.all([owner.end(), app.end(), catalog.close()]);
  }
});

/** One statement at a time: CONCURRENTLY takes no company, and its failure is part of a case. */
async function make(owner: Client, schema: string): Promise<void> {
  await owner.query('DISCARD ALL');
  const { rows } = await owner.query<{ drop: string }>(
    `SELECT format('DROP SCHEMA %I CASCADE', nspname) AS drop FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`,
  );
  for (const { drop } of rows) await owner.query(drop);
  await owner.query(`CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO ${APP}`);
  for (const statement of schema.split(/;\n/))
    await owner.query(statement).catch((error) => {
      if (!/CONCURRENTLY/.test(statement)) throw error;
    });
  await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${APP}`);
}

const fails = (work: Promise<unknown>): Promise<DatabaseError | null> =>
  work.then(
    () => null,
    (error) => error as DatabaseError,
  );

async function diagnosed(world: World, each: DefectCase, client: Client): Promise<Diagnosis> {
  const { failing, shown } = each;
  const error = await fails(typeof failing === 'string' ? client.query(failing) : failing(client));
  expect(error, 'the statement fails').not.toBeNull();
  const matched = matchedError(error!);
  if (each.since) await world.owner.query(each.since);
  const statement = shown === undefined && typeof failing === 'string' ? failing : (shown ?? null);
  const question: DiagnosisRequest = {
    signature: matched.signature.id,
    database: world.database,
    user: each.role === 'app' ? APP : 'postgres',
    table: matched.names.table ?? null,
    column: matched.names.column ?? null,
    constraint: matched.names.constraint ?? null,
    message: matched.text,
    statement: statement === null ? null : normalizeStatement(statement),
  };
  return diagnose(world.catalog, question, NONE);
}

async function holds(world: World, each: DefectCase, client: Client, { repair }: Diagnosis): Promise<void> {
  expect(repair.decision ?? false, repair.words).toBe(each.repair === 'decides');
  if (each.repair === 'decides') expect(repair.words).toMatch(/A person must decide/);
  if (each.repair === 'rewrites') expect(repair.sql).toEqual([]);
  if (each.sql !== undefined) expect(repair.sql.length > 0, repair.sql.join('\n')).toBe(each.sql);
  // Nothing to be filled in.
  expect(repair.sql.join('\n')).not.toMatch(/[?…]|<[a-z]|\$\d/);
  if (each.instead !== undefined) {
    await client.query('BEGIN');
    await client.query(each.instead);
    await client.query('ROLLBACK');
  }
  if (repair.sql.length === 0) return;
  if (each.first !== undefined) await world.owner.query(each.first);
  for (const statement of repair.sql) await world.owner.query(statement);
  for (let time = 0; time < 3; time++)
    await (each.afterwards !== undefined || typeof each.failing === 'string'
      ? client.query(each.afterwards ?? (each.failing as string))
      : each.failing(client));
  if (each.data !== undefined)
    expect(Object.values((await world.owner.query(each.data)).rows[0]), each.data).toEqual([true]);
}

describe.each(majors())('PostgreSQL %i', (major) => {
  for (const [kind, cases] of Object.entries(CASES).filter(([, list]) => list.length > 0)) {
    describe(kind, () => {
      it.each(
        (cases as readonly DefectCase[])
          .filter(({ from = 0, to = 99 }) => from <= major && major <= to)
          .map((each) => [each.name, each] as const),
      )('%s', async (_name, each) => {
        const world = await worldOf(major);
        await make(world.owner, each.schema);
        const client = each.role === 'app' ? world.app : world.owner;
        const diagnosis = await diagnosed(world, each, client);
        const said = [...diagnosis.cause, diagnosis.repair.words, ...diagnosis.notChecked].join(' ');
        expect({ kind: diagnosis.kind, case: diagnosis.case, verdict: diagnosis.verdict }, said).toEqual({
          kind,
          case: each.case,
          verdict: each.verdict,
        });
        if (each.says) expect(said).toMatch(each.says);
        if (each.saysNot) expect(said).not.toMatch(each.saysNot);
        await holds(world, each, client, diagnosis);
      });
    });
  }
});

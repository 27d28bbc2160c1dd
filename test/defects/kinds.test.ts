/**
 * Each kind on a real server: what its example does, the words of the error, what the catalogue shows, what the diagnosis
 * says, that the repair repairs, and that the verification tells before from after.
 */
import type { Client, DatabaseError } from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DiagnosisQuestion } from '../../lambda/contract/diagnosis';
import { makeManifest } from '../../lambda/contract/manifest';
import { KINDS, kindOf, kindsOf } from '../../lambda/defects';
import type { CatalogueRow, DefectKind } from '../../lambda/defects/defect';
import { diagnose } from '../../lambda/defects/diagnose';
import { SIGNATURES, signatureOf } from '../../lambda/defects/signatures';
import { connectPg } from '../../lambda/postgres/pg';
import { normalize } from '../../lambda/sql/tokens';
import { withClient } from '../support/client';
import { createDatabase, majors } from '../support/database';
import { INSTALL_SQL } from '../support/installed';
import { CASES } from './kinds';
import { matchedError } from './matched-error';

const failure = (client: Client, sql: string): Promise<DatabaseError | null> =>
  client.query(sql).then(
    () => null,
    (error) => error as DatabaseError,
  );

/** One statement at a time: CONCURRENTLY takes no company, and its failure is part of an example. */
async function make(client: Client, schema: string): Promise<void> {
  for (const statement of schema.split(/;(?:\s*--[^\n]*)?\s*(?:\n|$)/).filter((text) => text.trim() !== '')) {
    if (/CONCURRENTLY/.test(statement)) await failure(client, statement);
    else await client.query(statement);
  }
}

const rows = async (client: Client, kind: DefectKind, ...names: string[]): Promise<CatalogueRow[]> =>
  (await client.query<CatalogueRow>(kind.catalogue.sql, [names[0] ?? null, names[1] ?? null])).rows;

it('a kind and a signature have the id under which they are known', () => {
  expect(KINDS.map(({ id }) => id).sort()).toEqual(Object.keys(CASES).sort());
  for (const { id } of KINDS) expect(kindOf(id)?.id).toBe(id);
  for (const signature of SIGNATURES) expect(signatureOf(signature.id)).toBe(signature);
});

const NONE = { manifest: makeManifest([]), status: null };

describe.each(majors())('PostgreSQL %i', (major) => {
  let url: string;
  beforeAll(async () => {
    url = await createDatabase(major);
  });
  beforeEach(() =>
    withClient(url, (client) =>
      client.query(
        'DROP SCHEMA IF EXISTS trueup, public CASCADE; CREATE SCHEMA public; DROP EXTENSION IF EXISTS "uuid-ossp"',
      ),
    ),
  );

  it.each(KINDS.map((kind) => [kind.id, kind] as const))('%s', async (_id, kind) => {
    const { example } = kind;
    await withClient(url, async (client) => {
      await client.query(INSTALL_SQL);
      if (kind.catalogue.rows === 'defect') expect(await rows(client, kind)).toEqual([]);
      await make(client, example.schema);

      // The error, in the words that the signature knows.
      if (example.statement !== null) {
        const error = await failure(client, example.statement);
        expect(kind.sqlstates).toContain(error?.code);
        expect(matchedError(error!).signature).toBe(kind.log);
        expect(kindsOf(kind.log!)).toContain(kind);
      }

      // The catalogue.
      if (kind.catalogue.rows === 'defect') {
        const { column } = example.object;
        const [row, ...rest] = await rows(client, kind, tableOf(kind), ...(column === null ? [] : [column]));
        expect(rest).toEqual([]);
        expect(row).toMatchObject({
          table: example.object.table,
          object: example.object.column ?? example.object.name,
        });
        expect(row!.sentence).toMatch(/^.+\.$/);
      }

      // The verification tells, and the repair repairs.
      const verify = async (): Promise<unknown[]> =>
        (await client.query(kind.verification(example.object))).rows;
      if (kind.id !== 'conflict-predicate') expect(await verify()).toHaveLength(1);
      const { words, sql } = kind.repair(example.object);
      expect(words).toMatch(/\.$/);
      if (kind.id === 'invalid-index') await client.query('DELETE FROM payments WHERE id = 2');
      for (const statement of sql) await client.query(await completed(client, statement));
      expect(await verify()).toEqual([]);
      if (kind.catalogue.rows === 'defect') expect(await rows(client, kind)).toEqual([]);
      if (example.statement !== null && sql.length > 0)
        expect(await failure(client, example.statement)).toBeNull();
    });
  });

  it.each(KINDS.filter(({ log }) => log !== null).map((kind) => [kind.id, kind] as const))(
    'the diagnosis of %s',
    async (_id, kind) => {
      const { example } = kind;
      const question = await withClient(url, async (client) => {
        await make(client, example.schema);
        const error = await failure(client, example.statement!);
        return questionOf(url, error!, example.statement!);
      });
      const db = await connectPg({ url, readOnly: true, statementTimeoutMs: 5_000 });
      try {
        const diagnosis = await diagnose(db, question, NONE);
        expect(diagnosis.kind).toBe(kind.id);
        expect(diagnosis.repair).toEqual(kind.repair(example.object));
        expect(diagnosis).toMatchSnapshot();
        // Without the statement, what is not seen is said.
        const blind = await diagnose(db, { ...question, statement: null }, NONE);
        // A message that names the function needs no statement.
        if (!['missing-uuid-function'].includes(kind.id))
          expect(blind.unseen.join()).toMatch(/no statement for this error/);
        const elsewhere = await diagnose(db, { ...question, database: 'other' }, NONE);
        expect(elsewhere.unseen.join()).toMatch(/from the database other/);
      } finally {
        await db.close();
      }
    },
  );
});

const tableOf = (kind: DefectKind): string => kind.example.object.table!.replace(/^public\./, '');

/** What a person fills in. */
async function completed(client: Client, statement: string): Promise<string> {
  if (!statement.includes('<')) return statement;
  const { rows: found } = await client.query("SELECT conname FROM pg_constraint WHERE contype = 'f'");
  return statement.replace('<name of the key>', found[0].conname);
}

function questionOf(url: string, error: DatabaseError, statement: string): DiagnosisQuestion {
  const matched = matchedError(error);
  return {
    signature: matched.signature.id,
    database: new URL(url).pathname.slice(1),
    user: 'postgres',
    table: matched.names.table ?? null,
    column: matched.names.column ?? null,
    constraint: matched.names.constraint ?? null,
    message: matched.text,
    statement: normalize(statement),
  };
}

describe('the kinds together', () => {
  it('ids are unique, every signature belongs to a kind', () => {
    expect(new Set(KINDS.map(({ id }) => id)).size).toBe(KINDS.length);
    for (const signature of SIGNATURES) {
      expect(kindsOf(signature).length, signature.id).toBeGreaterThan(0);
      for (const kind of kindsOf(signature))
        expect(kind.sqlstates.every((state) => signature.messages.some((m) => m.sqlstate === state))).toBe(
          true,
        );
    }
  });
});

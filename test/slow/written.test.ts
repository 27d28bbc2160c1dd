/** Every kind of loss: the migrations that are written for it are deployed, and a second audit finds none of it. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { loadParser } from '../../lib/compiler/read/parser';
import { readWorkload } from '../../lib/workload/file';
import { roundTrip } from '../audit/round-trip';
import { AUDIT_CASES } from '../defects/audit';
import type { AuditCase } from '../defects/audit/case';
import { emptied } from '../defects/audit/support';
import { createDatabase, outerMajors } from '../support/database';

interface Place {
  readonly url: string;
  readonly client: Client;
  readonly db: Database;
}

const places: Place[] = [];
afterAll(async () => {
  for (const { client, db } of places.splice(0)) await Promise.all([client.end(), db.close()]);
});

async function place(major: number): Promise<Place> {
  const url = await createDatabase(major);
  const client = new Client({ connectionString: url });
  await client.connect();
  const made = { url, client, db: await connectPg({ url, readOnly: true }) };
  places.push(made);
  return made;
}

/** By kind and number of the case: what no SQL brings back, and why. */
const UNWRITTEN: Readonly<Record<string, RegExp>> = {
  'missing-replica-identity 2': /a person must decide which columns identify a changed row/,
  'keys-without-default 1': /a person must decide which keys the database generates/,
  'not-null-too-early 1': /a person must decide whether the column may be NULL/,
  'not-null-too-early 2': /a person must decide whether the column may be NULL/,
  'not-null-too-early 3': /a person must decide whether the column may be NULL/,
  'missing-conflict-predicate 1': /the statement must change/,
  'mismatched-key-types 1': /a person must decide which type both columns should have/,
  'mismatched-key-types 2': /a person must decide which type both columns should have/,
  'failing-statement 1': /the database does not show what the statement expects/,
  'orphaned-rows 2': /only you can decide about the rows/,
  'missing-rows 1': /SQL cannot restore the rows/,
  'missing-rows 2': /SQL cannot restore the rows/,
  'row-security-without-policy 2': /without a source, the policies are not known/,
  'broken-function 1': /the database does not show what the function expects/,
  'broken-function 2': /the database does not show what the function expects/,
  'missing-extension 4': /without a source, its schema is not known/,
  'missing-extension 5': /without a source, its schema is not known/,
  'unique-per-partition 1': /a person must decide which columns should be unique/,
};

/** What a person does about what stands in the way, and how many decisions the files ask for. */
const SETTLED: Readonly<Record<string, { readonly sql: string; readonly decisions: number }>> = {
  'duplicate-keys 1': {
    sql: 'SET enable_indexscan = off; DELETE FROM codes WHERE id IN (SELECT max(id) FROM codes GROUP BY code HAVING count(*) > 1)',
    decisions: 1,
  },
  'orphaned-rows 1': { sql: 'DELETE FROM calls WHERE lead IS NOT NULL', decisions: 1 },
  'unvalidated-constraint 1': {
    sql: 'DELETE FROM visits',
    decisions: 0,
  },
  'unvalidated-constraint 2': {
    sql: 'DELETE FROM visits',
    decisions: 1,
  },
  'unvalidated-constraint 4': {
    sql: 'CREATE OR REPLACE FUNCTION fits(int) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$',
    decisions: 0,
  },
};

const isHidden = ({ confidence }: AuditCase): boolean => confidence === 'D';

describe.each(outerMajors())('PostgreSQL %i', (major) => {
  let source: Place;
  let target: Place;
  beforeAll(async () => {
    await loadParser();
    [source, target] = await Promise.all([place(major), place(major)]);
  });

  for (const [id, cases] of AUDIT_CASES) {
    const here = cases.filter(
      (each) => (each.from ?? 13) <= major && !isHidden(each) && !each.sourceDatabase,
    );
    if (here.length === 0) continue;
    test.each(here.map((each) => [`${id} ${cases.indexOf(each) + 1}`, each] as const))(
      '%s',
      async (name, each) => {
        for (const [where, sql] of [
          [source, each.source ?? ''],
          [target, each.bad],
        ] as const) {
          await emptied(where.client);
          await where.client.query('DROP SCHEMA IF EXISTS trueup CASCADE');
          await where.client.query(sql);
        }
        const settle = SETTLED[name];
        const { first, written, left } = await roundTrip(
          target.url,
          target.db,
          {
            version: '0',
            ...(each.source === undefined ? {} : { source: source.db }),
            workload: each.workload === undefined ? [] : readWorkload(each.workload).entries,
            fullScan: each.fullScan ?? false,
          },
          async () => settle !== undefined && target.client.query(settle.sql),
        );
        const why = UNWRITTEN[name];
        if (why === undefined) {
          expect([...written.unwritten.values()]).toEqual([]);
          expect(left).toEqual([]);
          if (settle !== undefined)
            expect(written.files.map(({ decisions }) => decisions)).toEqual([settle.decisions]);
        } else {
          expect(written.files).toEqual([]);
          expect(written.unwritten.get(first.findings[0]!)).toMatch(why);
        }
      },
    );
  }
});

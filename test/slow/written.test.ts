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

/** By kind and message: what no SQL brings back, and why. */
const UNWRITTEN: Readonly<Record<string, RegExp>> = {
  'default-lost /is a plain column; in the source it is generated/':
    /cannot make a plain column a generated one/,
  'replica-identity /published by feed/': /for a person to decide/,
  'key-generators-missing /None of 4 integer or uuid keys in schema public/':
    /a person has to say which keys/,
  'premature-not-null /NOT NULL without a default, and an INSERT leaves it out/': /for a person to decide/,
  'premature-not-null /sets it to NULL/': /for a person to decide/,
  'conflict-predicate /finds only one, which is partial/': /the statement has to change/,
  'mismatched-key-types /is character varying\\(36\\), and public\\.accounts\\.id/': /for a person to decide/,
  'mismatched-key-types /is character varying\\(36\\)/': /for a person to decide/,
  'statement-fails /a column that it names does not exist/': /nothing in the database says/,
  'rows-lost /has no rows; the source has about 30/': /no SQL brings rows back/,
  'rows-lost /has 29 rows; the source has 30/': /no SQL brings rows back/,
  'row-security-without-policy /it has no policy\\./': /no source says which policies/,
  'broken-function /names members, which no schema has/': /nothing in the database says/,
  'broken-function /names billing.with_tax\\(\\), which no schema has/': /nothing in the database says/,
  'extension-missing /is missing/': /no source says in which schema/,
  'partition-unique /unique in 2 partitions/': /for a person to decide/,
};

/** What a person does about what stands in the way, and how many decisions the files ask for. */
const SETTLED: Readonly<Record<string, { readonly sql: string; readonly decisions: number }>> = {
  'uniqueness-contradicted /': {
    sql: 'SET enable_indexscan = off; DELETE FROM codes WHERE id IN (SELECT max(id) FROM codes GROUP BY code HAVING count(*) > 1)',
    decisions: 1,
  },
  'orphaned-rows /': { sql: 'DELETE FROM calls WHERE lead IS NOT NULL', decisions: 1 },
  'unvalidated-constraint /positive on public\\.visits is NOT VALID, and 1 row': {
    sql: 'DELETE FROM visits',
    decisions: 0,
  },
  'unvalidated-constraint /NOT NULL of public\\.visits\\.at is NOT VALID, and 1 row': {
    sql: 'DELETE FROM visits',
    decisions: 1,
  },
  'unvalidated-constraint /fitting': {
    sql: 'CREATE OR REPLACE FUNCTION fits(int) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$',
    decisions: 0,
  },
};

const isHidden = ({ grade }: AuditCase): boolean => grade === 'D';

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
    test.each(here.map((each) => [String(each.message), each] as const))(
      `${id}: %s`,
      async (message, each) => {
        for (const [where, sql] of [
          [source, each.source ?? ''],
          [target, each.bad],
        ] as const) {
          await emptied(where.client);
          await where.client.query('DROP SCHEMA IF EXISTS trueup CASCADE');
          await where.client.query(sql);
        }
        const name = `${id} ${message}`;
        const settle = Object.entries(SETTLED).find(([start]) => name.startsWith(start))?.[1];
        const { first, written, left } = await roundTrip(
          target.url,
          target.db,
          {
            version: '0',
            ...(each.source === undefined ? {} : { source: source.db }),
            workload: each.workload === undefined ? [] : readWorkload(each.workload).entries,
            deep: each.deep ?? false,
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

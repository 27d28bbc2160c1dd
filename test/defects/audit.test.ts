/**
 * Each kind that an audit finds, on real servers: it finds its bad case, and that alone, and nothing in its good one. Its page
 * in docs/audit is written from it and its first case: `npx vitest run --project fast test/defects/audit.test.ts -u`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIT_KINDS, kindOf } from '../../lambda/defects';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { type AuditResult, audit } from '../../lib/audit/audit';
import { loadParser } from '../../lib/compiler/read/parser';
import { readWorkload } from '../../lib/workload/file';
import { createDatabase, majors, newestMajor } from '../support/database';
import { AUDIT_CASES } from './audit';
import type { AuditCase } from './audit/case';
import { auditPage } from './audit/page';
import { emptied } from './audit/support';

interface Place {
  readonly url: string;
  readonly client: Client;
  readonly db: Database;
}

const places: Place[] = [];
afterAll(async () => {
  for (const { client, db } of places.splice(0)) await Promise.all([client.end(), db.close()]);
});

async function place(major: number, options?: string): Promise<Place> {
  const url = await createDatabase(major, options);
  const client = new Client({ connectionString: url });
  await client.connect();
  const db = await connectPg({ url, readOnly: true });
  const made = { url, client, db };
  places.push(made);
  return made;
}

it('docs/audit has a page of each kind that an audit alone finds, and no other', () => {
  expect(readdirSync(join(__dirname, '../../docs/audit')).sort()).toEqual(
    AUDIT_KINDS.filter(({ id }) => kindOf(id) === null)
      .map(({ id }) => `${id}.md`)
      .sort(),
  );
});

it('every kind has cases, and every case a kind', () => {
  expect([...AUDIT_CASES.keys()].sort()).toEqual(AUDIT_KINDS.map(({ id }) => id).sort());
  for (const [id, cases] of AUDIT_CASES) expect(cases.length, id).toBeGreaterThan(0);
});

/** Habits are only said to who asks. */
const asked = (each: AuditCase, findings: AuditResult['findings']): AuditResult['findings'] =>
  findings.filter(({ grade }) => grade !== 'D' || each.grade === 'D');

describe.each(majors())('PostgreSQL %i', (major) => {
  let source: Place;
  let target: Place;
  beforeAll(async () => {
    await loadParser();
    [source, target] = await Promise.all([place(major), place(major)]);
  });

  async function look(each: AuditCase, schema: string, from: Place | undefined): Promise<AuditResult> {
    await emptied(target.client);
    await target.client.query(schema);
    return audit(target.db, {
      version: '0',
      ...(from ? { source: from.db } : {}),
      workload: each.workload === undefined ? [] : readWorkload(each.workload).entries,
      deep: each.deep ?? false,
    });
  }

  for (const [id, cases] of AUDIT_CASES) {
    // The first ones on every major, the others on the newest.
    const here = major === newestMajor() ? cases : cases.slice(0, 1);
    it.each(
      here
        .filter(({ from = 13 }) => from <= major)
        .map((each) => [each.grade, String(each.message), each] as const),
    )(`${id}, %s: %s`, async (_grade, _message, each) => {
      let from: Place | undefined;
      if (each.source !== undefined) {
        from = each.sourceDatabase ? await place(major, each.sourceDatabase) : source;
        await emptied(from.client);
        await from.client.query(each.source);
      }
      const { findings } = await look(each, each.bad, from);
      const brief = asked(each, findings).filter((found) => found.id !== each.with);
      if (each.with) expect(findings.map((found) => found.id)).toContain(each.with);
      expect(brief, JSON.stringify(brief, null, 1)).toHaveLength(1);
      const [found] = brief;
      const object = each.object === '' ? new URL(target.url).pathname.slice(1) : each.object;
      expect(found).toMatchObject({ id, grade: each.grade, object, fix: null });
      expect(found!.message).toMatch(each.message);
      expect(found!.message).toMatch(/\.$/);
      if (major === newestMajor() && each === cases[0] && kindOf(id) === null)
        await expect(
          auditPage(AUDIT_KINDS.find((kind) => kind.id === id)!, each, found!, target.url),
        ).toMatchFileSnapshot(join(__dirname, `../../docs/audit/${id}.md`));
      // A copy as it was is the same good case each time.
      if (each.sourceDatabase || (each.good === undefined && each !== cases[0])) return;
      const good = await look(each, each.good ?? each.source!, from);
      expect(asked(each, good.findings)).toEqual([]);
    });
  }
});

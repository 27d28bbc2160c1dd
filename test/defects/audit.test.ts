/**
 * Each kind that an audit finds, on real servers: it finds its bad case, and that alone, and nothing in its good one. Its page
 * in docs/audit is generated from it and its first case.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIT_KINDS, findDefectKind } from '../../lambda/defects';
import type { Database } from '../../lambda/postgres/database';
import { connectPg } from '../../lambda/postgres/pg';
import { type AuditResult, audit } from '../../lib/audit/audit';
import { loadParser } from '../../lib/compiler/read/parser';
import { RELEASES } from '../../lib/scratch-postgres/binaries';
import { readWorkload } from '../../lib/workload/file';
import { createDatabase, majors, newestMajor } from '../support/database';
import { expectGenerated } from '../support/generated';
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
    AUDIT_KINDS.filter(({ id }) => findDefectKind(id) === null)
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
  findings.filter(({ confidence }) => confidence !== 'D' || each.confidence === 'D');

/** Messages are compared on the oldest and the newest PostgreSQL; they differ at most in words of the server. */
const SUPPORTED = Object.keys(RELEASES).map(Number);
const COMPARED = [Math.min(...SUPPORTED), Math.max(...SUPPORTED)];

/** The same on every machine: names of databases, and versions of libraries. */
const settled = (message: string, url: string): string =>
  message.replaceAll(new URL(url).pathname.slice(1), 'shop').replace(/\b\d+\.\d+\b/g, '…');

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
      fullScan: each.fullScan ?? false,
    });
  }

  for (const [id, cases] of AUDIT_CASES) {
    // The first ones on every major, the others on the newest.
    const here = major === newestMajor() ? cases : cases.slice(0, 1);
    it.each(
      here
        .filter(({ from = 13 }) => from <= major)
        .map((each) => [cases.indexOf(each) + 1, each.confidence, each.object, each] as const),
    )(`${id} %i, %s: %s`, async (_number, _confidence, _object, each) => {
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
      expect(found).toMatchObject({ id, confidence: each.confidence, object, fix: null });
      expect(found!.message).toMatch(/\.$/);
      if (COMPARED.includes(major)) expect(settled(found!.message, target.url)).toMatchSnapshot();
      if (major === newestMajor() && each === cases[0] && findDefectKind(id) === null)
        expectGenerated(join(__dirname, `../../docs/audit/${id}.md`), () =>
          auditPage(AUDIT_KINDS.find((kind) => kind.id === id)!, each, found!, target.url),
        );
      // A copy as it was is the same good case each time.
      if (each.sourceDatabase || (each.good === undefined && each !== cases[0])) return;
      const good = await look(each, each.good ?? each.source!, from);
      expect(asked(each, good.findings)).toEqual([]);
    });
  }
});

import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { buildUndiagnosed } from '../../lambda/defects/diagnose';
import { SIGNATURES } from '../../lambda/defects/signatures';
import { renderPage } from '../../lambda/page/document/render';
import { ErrorCollection } from '../../lambda/page/logs/collect';
import { ErrorReader } from '../../lambda/page/logs/error-reader';
import { readEventsOfFile } from '../../lambda/page/logs/log-lines';
import { connectPg } from '../../lambda/postgres/pg';
import {
  buildAlarmTestLines,
  raiseAlarmErrors,
  writeAlarmTestLines,
} from '../../lib/cli/commands/alarm-test';
import { buildDatabasePatterns } from '../../lib/constructs/alarms/log-patterns';
import { majors } from '../support/database';
import { compileFilterPattern } from '../support/filter-pattern';
import { startLogServer } from '../support/log-server';

async function counts(lines: Iterable<string>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const event of readEventsOfFile(lines)) {
    for (const signature of SIGNATURES) {
      const hits = buildDatabasePatterns(signature)
        .map(compileFilterPattern)
        .filter((matches) => matches(event)).length;
      if (hits > 0) found[signature.id] = (found[signature.id] ?? 0) + hits;
    }
  }
  return found;
}
const once = Object.fromEntries(SIGNATURES.map(({ id }) => [id, 1]));

describe.each(majors())('trueup alarm-test on PostgreSQL %i', (major) => {
  it('raises one error of each signature, and leaves nothing behind', async () => {
    const server = await startLogServer(major);
    const admin = new Client({ connectionString: server.server.url() });
    await admin.connect();
    // And nothing that somebody has put on the path is called, or read, in its place.
    await admin.query(`CREATE ROLE app LOGIN PASSWORD 'a'; CREATE ROLE poor LOGIN PASSWORD 'p';
      CREATE FUNCTION public.same(uuid, varchar) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
      CREATE OPERATOR public.= (FUNCTION = public.same, LEFTARG = uuid, RIGHTARG = varchar);
      CREATE TABLE public.trueup_alarm_test (); GRANT ALL ON public.trueup_alarm_test TO app;
      ALTER ROLE app SET search_path = public, pg_temp`);
    const url = (user: string) => server.server.url('postgres', user, user[0]);
    const before = (await admin.query('SELECT count(*) FROM pg_class')).rows;
    const lines = await server.logged(async () => {
      const db = await connectPg({ url: url('app') });
      expect(await raiseAlarmErrors(db)).toEqual(
        SIGNATURES.map(({ id }) => ({ signature: id, raised: true, problem: null })),
      );
      await db.close();
    });
    expect(await counts(lines)).toEqual(once);
    await expect.poll(async () => (await admin.query('SELECT count(*) FROM pg_class')).rows).toEqual(before);

    await admin.query('REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC');
    const db = await connectPg({ url: url('poor') });
    const results = await raiseAlarmErrors(db);
    await db.close();
    expect(results.find(({ signature }) => signature === 'not-null')).toMatchObject({
      raised: false,
      problem: expect.stringMatching(/the privilege TEMPORARY/),
    });
    await admin.end();
  });
});

describe('without the server', () => {
  it('writes lines that are counted once each, and pages say that they are a test', async () => {
    const written: string[] = [];
    await writeAlarmTestLines({ write: async (lines) => void written.push(...lines) });
    expect(await counts(written)).toEqual(once);
    const collection = new ErrorCollection();
    const reader = new ErrorReader(collection);
    for (const message of buildAlarmTestLines(new Date(), 7)) reader.push({ message });
    reader.end();
    for (const group of collection.result()) {
      const { subject, text } = renderPage({
        alarm: null,
        signature: group.signature,
        followUp: false,
        findings: [{ group, diagnosis: buildUndiagnosed(group, []) }],
        others: [],
        overflow: 0,
        complete: true,
        logGroups: [],
        fromMs: 0,
        toMs: 0,
        runbookUrl: null,
      });
      expect(subject).toMatch(/^\[Trueup test\] /);
      expect(text).toMatch(/^This is a test/);
    }
  });
});

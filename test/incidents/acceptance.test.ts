import { describe, expect, it } from 'vitest';
import { majors } from '../support/database';
import { INCIDENTS, reproduceErrors, runAgain } from './index';
import { STOPPED } from './stopped';
import { IncidentDatabase, manifestOf } from './support';

describe.each(majors())('on PostgreSQL %i', (major) => {
  describe.each(INCIDENTS)('$id', (incident) => {
    let database: IncidentDatabase;

    it('fails as its document says', async () => {
      database = await IncidentDatabase.create(incident, major);
      const reproduced = await reproduceErrors(database.client, incident);
      expect(reproduced.map(({ sqlstate, message }) => [sqlstate, message])).toEqual(
        incident.failing.map(({ sqlstate, words }) => [sqlstate, words]),
      );
    });

    const stopped = STOPPED[incident.id];
    if (stopped) {
      it('is not deployed over data that only a person can put right', async () => {
        const before = await database.client.query(`SELECT count(*) FROM ${firstTable(incident.id)}`);
        const outcome = await database.deploy();
        expect(outcome).toMatchObject({
          status: 'failed',
          error: { code: 'preflight', migration: stopped.migration, details: stopped.details },
          report: { applied: stopped.applied },
        });
        const after = await database.client.query(`SELECT count(*) FROM ${firstTable(incident.id)}`);
        expect(after.rows).toEqual(before.rows);
        await database.repairByHand();
      });
    }

    it('is repaired by a deployment, and proved', async () => {
      const outcome = await database.deploy();
      expect(outcome).toMatchObject({
        status: 'done',
        report: { warnings: [], withoutVerify: [], pending: [] },
      });
      expect(await database.findings()).toEqual([]);
      const all = (await manifestOf(incident)).migrations.map((migration) => migration.name);
      expect([...(stopped?.applied ?? []), ...outcome.report.applied]).toEqual(all);
    });

    it('runs the same statements, which succeed now', async () => {
      await runAgain(database.client, incident);
    });

    for (const { what, holds } of incident.behaviors) {
      it(what, () => holds(database.connect));
    }

    it('is left alone by the next deployment', async () => {
      expect(await database.deploy()).toMatchObject({
        status: 'done',
        report: { applied: [], warnings: [] },
      });
      expect(await database.findings()).toEqual([]);
    });
  });
});

const firstTable = (id: string): string => (id === 'courses' ? 'student_course_purchases' : 'appointments');

import { describe, expect, it } from 'vitest';
import { INCIDENTS, reproduce, runAgain } from '../../lib/local/incidents';
import { majors } from '../support/database';
import { IncidentDatabase, manifestOf } from './support';

/** What the preflight of an incident with `byHand` reports, and what has been applied when it stops. */
const STOPPED: Record<string, { migration: string; details: string[]; applied: string[] }> = {
  courses: {
    migration: '0002_one_active_purchase',
    details: [
      'Pairs of student and course with more than one active purchase: 1, e.g. ' +
        'student_id b7a1d2c4-0d55-4b0e-9d8a-2f6d7f1c0001 and course_id 3f2c9e58-7a90-4a51-8c44-91a5c1ee0001 (3)',
    ],
    applied: ['0001_as_found'],
  },
  appointments: {
    migration: '0005_foreign_keys',
    details: [
      'Rows whose appointments.account_id points nowhere: 1, e.g. those with the ids 33330000-0000-4000-8000-000000000001',
      'Rows whose appointments.appointment_type points nowhere: 1, e.g. those with the ids 33330000-0000-4000-8000-000000000002',
      'Rows whose blackout_dates.account_id points nowhere: 1, e.g. those with the ids 44440000-0000-4000-8000-000000000001',
    ],
    applied: ['0001_as_found', '0002_id_defaults', '0003_uuid_keys', '0004_links_may_be_null'],
  },
};

describe.each(majors())('on PostgreSQL %i', (major) => {
  describe.each(INCIDENTS)('$id', (incident) => {
    let database: IncidentDatabase;

    it('fails as its document says', async () => {
      database = await IncidentDatabase.create(incident, major);
      const reproduced = await reproduce(database.client, incident);
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
      expect(outcome).toMatchObject({ status: 'done', report: { warnings: [], unproved: [], pending: [] } });
      expect(await database.findings()).toEqual([]);
      const all = (await manifestOf(incident)).migrations.map((migration) => migration.name);
      expect([...(stopped?.applied ?? []), ...outcome.report.applied]).toEqual(all);
    });

    it('runs the same statements, which succeed now', async () => {
      await runAgain(database.client, incident);
    });

    for (const { what, holds } of incident.behaviours) {
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

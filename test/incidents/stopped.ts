/** What the preflight of an incident with `byHand` reports, and what has been applied when it stops. */
export const STOPPED: Record<string, { migration: string; details: string[]; applied: string[] }> = {
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

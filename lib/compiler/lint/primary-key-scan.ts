import { defineRule } from './rule';

export const primaryKeyScan = defineRule({
  id: 'primary-key-scan',
  consent: 'rewrites',
  title: 'PRIMARY KEY USING INDEX reads the whole table if one of its columns is nullable.',
  says: (table: string) => ({
    what: `all of ${table} is scanned if a column of the key is nullable`,
    remedy: 'SET NOT NULL on its columns first: then nothing is scanned.',
  }),
  bad: ['ALTER TABLE events_2026 ADD CONSTRAINT events_2026_key PRIMARY KEY USING INDEX events_2026_key'],
  good: ['ALTER TABLE events_2026 ADD CONSTRAINT events_2026_key UNIQUE USING INDEX events_2026_key'],
});

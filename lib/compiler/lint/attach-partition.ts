import { defineRule } from './rule';

export const attachPartition = defineRule({
  id: 'attach-partition',
  consent: 'rewrites',
  title: 'ATTACH PARTITION scans the table to prove that its rows belong there.',
  says: (partition: string) => ({
    what: `all of ${partition} is scanned to check that its rows belong to the partition`,
    remedy: 'First add a CHECK constraint that matches the partition bound (NOT VALID, then VALIDATE).',
  }),
  bad: ["ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"],
  good: ["CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')"],
});

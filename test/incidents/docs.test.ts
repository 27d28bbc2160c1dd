import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { INCIDENTS } from './index';
import { STOPPED } from './stopped';
import { manifestOf } from './support';

const page = readFileSync(join(__dirname, '../../docs/incidents.md'), 'utf8');

it.each(INCIDENTS)('docs/incidents.md says of $id what the tests prove', async (incident) => {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${incident.id}:`)) ?? '';
  const [first, ...rest] = incident.failing;
  expect(section).toContain(`\`${first!.words}\` (${first!.sqlstate})`);
  for (const { words, sqlstate } of incident.id === 'channels' ? [] : rest) {
    expect(section).toContain(`\`${words}\` (${sqlstate})`);
  }
  for (const { afterRepair } of incident.failing) expect(section).toContain(afterRepair?.sql ?? '');
  for (const { sql } of incident.byHand) expect(section).toContain(sql);
  for (const sentence of STOPPED[incident.id]?.details ?? []) expect(section).toContain(sentence);
  const { migrations } = await manifestOf(incident);
  for (const { name } of migrations) expect(page).toContain(name);
});

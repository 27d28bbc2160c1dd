import { describe, expect, it } from 'vitest';
import type { RepairingMigration } from '../../lambda/contract/diagnosis';
import { migrationSentences } from '../../lambda/defects/migration-sentences';

const said = (
  migrations: readonly RepairingMigration[],
  verdict: 'schema' | 'application' | 'not-reproduced' = 'schema',
): string =>
  migrationSentences({
    kind: 'missing-id-default',
    verdict,
    migrations,
    repair: { words: '', sql: ['x;'] },
  }).join(' ');

describe('what the migrations have to do with it', () => {
  it.each([
    [
      [{ name: 'a', state: 'pending' }],
      'schema',
      /a addresses this and is not applied \(pending\): deploy it/,
    ],
    [[{ name: 'a', state: 'applied' }], 'schema', /but the catalogue does not have what it creates/],
    [[{ name: 'a', state: 'applied' }], 'application', /is applied\.$/],
    [
      [{ name: 'a', state: 'applied', appliedAt: '2026-11-22T09:05:00Z', afterErrors: true }],
      'not-reproduced',
      /is applied since 2026-11-22 09:05:00 UTC, after the last of these errors\.$/,
    ],
    [
      [{ name: 'b', state: 'pending', does: 'takes-away' }],
      'schema',
      /b removes it; it is not applied \(pending\)\. No migration .* write one/,
    ],
    [
      [
        { name: 'a', state: 'pending', undoneBy: 'b' },
        { name: 'b', state: 'pending', does: 'takes-away' },
      ],
      'schema',
      /a creates it, and b removes it again: deploying them repairs nothing\. Migration b removes it/,
    ],
    [[{ name: 'a', state: 'unknown' }], 'schema', /could not be asked/],
  ] as const)('%j, %s', (migrations, verdict, words) => {
    expect(said(migrations, verdict)).toMatch(words);
    expect(said(migrations, verdict)).not.toMatch(/undone it since|removes it.*deploy it\./);
  });
});

/**
 * Six changes that public projects made or were about to make, each of which breaks a statement that their application
 * sends: refused with the statement named. The form that mends it passes, one deployment after the other.
 */
import { describe, expect, test } from 'vitest';
import type { ConvergeOutcome } from '../../lambda/contract/converge';
import { compileFiles } from '../../lib/compiler';
import { loadParser } from '../../lib/compiler/read/parser';
import { buildGuaranteedWorkload, parseWorkloadFile } from '../../lib/workload/guaranteed-workload';
import { createDatabase, majors } from '../support/database';
import { run } from '../support/engine';

interface Deployment {
  /** What it adds to the folder of migrations. */
  readonly adds: string;
  /** What its application sends. */
  readonly sends: readonly string[];
}

interface Change {
  /** Their form is older than this major. @default - all */
  readonly from?: number;
  readonly before: Deployment;
  /** Adds to `before`, and is refused: by what the running application sends, or what the new one does. */
  readonly refused: Deployment & { readonly names: string; readonly at: string | null };
  /** Take its place, and pass. */
  readonly mended: readonly Deployment[];
}

/** What these changes take is not the question here. */
const CONSENT = '-- migrate:consent destroys a test\n-- migrate:consent rewrites a test\n';

const deploy = async (url: string, deployments: readonly Deployment[]): Promise<ConvergeOutcome> => {
  const manifest = await compileFiles(
    deployments.map(({ adds }, i) => ({
      name: `000${i + 1}_change.sql`,
      bytes: Buffer.from(`-- migrate:no-verify a test\n${CONSENT}-- migrate:up\n${adds}`),
    })),
  );
  await loadParser();
  const { entries } = parseWorkloadFile(`${deployments.at(-1)!.sends.join(';\n')};\n`, 'workload.sql');
  return (await run(url, { ...manifest, workload: buildGuaranteedWorkload(entries) })).outcome;
};

const CHANGES: Readonly<Record<string, Change>> = {
  // civitai/civitai #3641
  'a unique index dropped, since the table keeps every event from now on': (() => {
    const insert = 'INSERT INTO mod_events (mod_id, activity, entity_id) VALUES ($1, $2, $3) ON CONFLICT';
    const adds =
      'CREATE TABLE mod_events (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mod_id int NOT NULL, activity text NOT NULL, entity_id int, at timestamptz NOT NULL DEFAULT now());\n' +
      'CREATE UNIQUE INDEX mod_events_once ON mod_events (activity, entity_id);';
    const old = `${insert} (activity, entity_id) DO UPDATE SET mod_id = excluded.mod_id, at = now()`;
    const drop = 'DROP INDEX mod_events_once;';
    const targetless = [`${insert} DO NOTHING`];
    return {
      before: { adds, sends: [old] },
      refused: { adds: drop, sends: targetless, names: old, at: '42P10' },
      mended: [
        { adds: 'SELECT 1;', sends: targetless },
        { adds: drop, sends: targetless },
      ],
    };
  })(),

  // speakeasy-api/gram #5224, mended by #5227
  'a unique index of one column more in place of the old one, NULLS NOT DISTINCT': (() => {
    const insert =
      'INSERT INTO milestones (organization, milestone, attempt, generation) VALUES ($1, $2, $3, $4) ON CONFLICT';
    const old = `${insert} (organization, milestone, attempt) DO NOTHING`;
    const swap =
      'DROP INDEX milestones_key;\n' +
      'CREATE UNIQUE INDEX milestones_key ON milestones (organization, milestone, attempt, generation) NULLS NOT DISTINCT;';
    const either = [`${insert} DO NOTHING`];
    return {
      from: 15,
      before: {
        adds:
          'CREATE TABLE milestones (organization text NOT NULL, milestone text NOT NULL, attempt uuid, generation int);\n' +
          'CREATE UNIQUE INDEX milestones_key ON milestones (organization, milestone, attempt) NULLS NOT DISTINCT;',
        sends: [old],
      },
      refused: {
        adds: swap,
        sends: [`${insert} (organization, milestone, attempt, generation) DO NOTHING`],
        names: old,
        at: '42P10',
      },
      mended: [
        { adds: 'SELECT 1;', sends: either },
        { adds: swap, sends: either },
      ],
    };
  })(),

  // nerdsane/temper #492
  'a primary key widened by the tenant': (() => {
    const insert = 'INSERT INTO trajectories (tenant, id, steps) VALUES ($1, $2, $3) ON CONFLICT';
    const old = `${insert} (id) DO UPDATE SET steps = excluded.steps`;
    const scoped = [`${insert} (tenant, id) DO UPDATE SET steps = excluded.steps`];
    const drop = 'ALTER TABLE trajectories DROP CONSTRAINT trajectories_pkey;\n';
    return {
      before: {
        adds: 'CREATE TABLE trajectories (tenant text NOT NULL, id text PRIMARY KEY, steps jsonb NOT NULL);',
        sends: [old],
      },
      refused: {
        adds: `${drop}ALTER TABLE trajectories ADD CONSTRAINT trajectories_identity PRIMARY KEY (tenant, id);`,
        sends: scoped,
        names: old,
        at: '42P10',
      },
      mended: [
        { adds: 'CREATE UNIQUE INDEX trajectories_identity ON trajectories (tenant, id);', sends: scoped },
        {
          adds: `${drop}ALTER TABLE trajectories ADD CONSTRAINT trajectories_identity PRIMARY KEY USING INDEX trajectories_identity;`,
          sends: scoped,
        },
      ],
    };
  })(),

  // superloglabs/superlog #148: the new statement needs an index that a later migration makes.
  'an ON CONFLICT without the predicate that its only index still has': (() => {
    const insert =
      'INSERT INTO problems (project, fingerprint, seen) VALUES ($1, $2, $3) ON CONFLICT (project, fingerprint)';
    const set = 'DO UPDATE SET seen = problems.seen + excluded.seen';
    const dedupe =
      'DELETE FROM problems a USING problems b WHERE a.project = b.project AND a.fingerprint = b.fingerprint AND a.id < b.id;\n';
    const full = [`${insert} ${set}`];
    return {
      before: {
        adds:
          'CREATE TABLE problems (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project int NOT NULL, fingerprint text NOT NULL, seen bigint NOT NULL, silenced_at timestamptz);\n' +
          'CREATE UNIQUE INDEX problems_open ON problems (project, fingerprint) WHERE silenced_at IS NULL;',
        sends: [`${insert} WHERE silenced_at IS NULL ${set}`],
      },
      refused: { adds: dedupe, sends: full, names: full[0]!, at: null },
      mended: [
        {
          adds: `${dedupe}CREATE UNIQUE INDEX problems_key ON problems (project, fingerprint);\nDROP INDEX problems_open;`,
          sends: full,
        },
      ],
    };
  })(),

  // gallery-so/go-gallery #1447
  'a unique index with a type of key in place of the one that several statements name': (() => {
    const insert = 'INSERT INTO memberships (id, token, community) VALUES ($1, $2, $3)';
    const old = `${insert} ON CONFLICT (token, community) WHERE NOT deleted DO NOTHING`;
    const wide =
      'INSERT INTO memberships (id, token, community, kind) VALUES ($1, $2, $3, $4) ON CONFLICT (token, community, kind) WHERE NOT deleted DO NOTHING';
    const make =
      'CREATE UNIQUE INDEX memberships_kind ON memberships (token, community, kind) WHERE NOT deleted;\n';
    return {
      before: {
        adds:
          'CREATE TABLE memberships (id text PRIMARY KEY, token text NOT NULL, community text NOT NULL, kind int NOT NULL DEFAULT 0, deleted boolean NOT NULL DEFAULT false);\n' +
          'CREATE UNIQUE INDEX memberships_old ON memberships (token, community) WHERE NOT deleted;',
        sends: [old],
      },
      refused: { adds: `DROP INDEX memberships_old;\n${make}`, sends: [wide], names: old, at: '42P10' },
      mended: [
        { adds: make, sends: [wide] },
        { adds: 'DROP INDEX memberships_old;', sends: [wide] },
      ],
    };
  })(),

  // ForumMagnum/ForumMagnum #8454, mended by #8537
  'a plain unique index in place of one over an expression': (() => {
    const insert = 'INSERT INTO settings (id, name, value) VALUES ($1, $2, $3) ON CONFLICT';
    const set = 'DO UPDATE SET value = excluded.value';
    const old = `${insert} (COALESCE(name, ''::text)) ${set}`;
    const plain = [`${insert} (name) ${set}`];
    const make = 'CREATE UNIQUE INDEX settings_name ON settings (name);\n';
    return {
      before: {
        adds:
          'CREATE TABLE settings (id text PRIMARY KEY, name text, value jsonb);\n' +
          "CREATE UNIQUE INDEX settings_old ON settings (COALESCE(name, ''::text));",
        sends: [old],
      },
      refused: { adds: `${make}DROP INDEX settings_old;`, sends: plain, names: old, at: '42P10' },
      mended: [
        { adds: make, sends: plain },
        { adds: 'DROP INDEX settings_old;', sends: plain },
      ],
    };
  })(),
};

describe.each(majors())('PostgreSQL %i', (major) => {
  const changes = Object.entries(CHANGES).filter(([, { from = 0 }]) => major >= from);

  test.each(changes)('%s', async (_, { before, refused, mended }) => {
    const url = await createDatabase(major);
    expect(await deploy(url, [before])).toMatchObject({ status: 'done' });
    expect(await deploy(url, [before, refused])).toMatchObject({
      status: 'failed',
      error: {
        code: 'workload',
        ...(refused.at && { migration: '0002_change', sqlstate: refused.at }),
        details: [expect.stringContaining(refused.names.slice(0, 100))],
      },
    });
    const fresh = await createDatabase(major);
    for (let i = 0; i <= mended.length; i++)
      expect(await deploy(fresh, [before, ...mended.slice(0, i)])).toMatchObject({
        status: 'done',
        report: { workload: { broken: [], undecided: {} } },
      });
  });
});

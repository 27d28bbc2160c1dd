/** The scripts of the actions, run as GitHub's runner runs them, on a good, a bad and a hostile change. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cleanEnvironment } from '../cli/trueup';
import { repository, scratch } from '../support/repository';

const ROOT = join(__dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** No program that takes packages from a registry may be called by name. */
function withoutNpx(): string {
  const bin = mkdtempSync(join(scratch(), 'bin-'));
  writeFileSync(join(bin, 'npx'), '#!/usr/bin/env bash\necho "npx $*" >&2\nexit 99\n');
  chmodSync(join(bin, 'npx'), 0o755);
  return bin;
}

function step(script: string, cwd: string, env: NodeJS.ProcessEnv) {
  const temp = mkdtempSync(join(scratch(), 't-'));
  const summary = join(temp, 'summary.md');
  const { status, stdout, stderr } = spawnSync('bash', [join(ROOT, script)], {
    cwd,
    encoding: 'utf8',
    env: cleanEnvironment({
      CI: 'true',
      PATH: `${withoutNpx()}:${process.env.PATH}`,
      RUNNER_TEMP: temp,
      GITHUB_STEP_SUMMARY: summary,
      TRUEUP_FOLDER: 'migrations',
      ...env,
    }),
  });
  const report = join(temp, 'trueup-report/report.json');
  return {
    code: status,
    stdout,
    stderr,
    temp,
    summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '',
    report: existsSync(report) ? readFileSync(report, 'utf8') : '',
  };
}

const BASE = {
  'migrations/0001_t.sql':
    "-- migrate:up\nCREATE TABLE t (id int PRIMARY KEY, note text);\n\n-- migrate:verify\nSELECT trueup.has_column('t', 'id');\n",
  'shop.sql': '-- role app; calls 3\nSELECT id, note FROM t WHERE id = $1;\n',
};
const CHANGE = (up: string, verify = "SELECT trueup.has_column('t', 'id');"): string =>
  `-- migrate:up\n${up}\n\n-- migrate:verify\n${verify}\n`;
const check = (files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) =>
  step('action/check.sh', repository(BASE, files), {
    TRUEUP_SINCE: 'base',
    TRUEUP_WORKLOAD: 'shop.sql',
    ...env,
  });

describe('the step that checks and plans', () => {
  test('a good change: a summary, a report, no annotation', () => {
    const { code, stdout, summary, report } = check({
      'migrations/0002_age.sql': CHANGE('ALTER TABLE t ADD COLUMN age int;'),
    });
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('::')]);
    expect(stdout).toContain(`Trueup ${version}, of the action's commit.`);
    expect(summary).toContain(`Trueup ${version}, of the action's commit.`);
    expect(summary).toMatch(/^## Trueup: 1 step in `migrations`/);
    expect(JSON.parse(report).steps).toHaveLength(1);
  });

  test('the version that the repository has installed is used, and named', () => {
    const folder = repository(BASE, {
      'node_modules/.bin/trueup':
        '#!/usr/bin/env bash\n[ "$1" = --version ] && { echo 9.9.9; exit; }\necho "ran $1"\n',
    });
    chmodSync(join(folder, 'node_modules/.bin/trueup'), 0o755);
    const { stdout, summary, code } = step('action/check.sh', folder, { TRUEUP_SINCE: 'base' });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^Trueup 9\.9\.9, installed in this repository\.\nran check\n/),
    ]);
    expect(summary).toContain('Trueup 9.9.9, installed in this repository.');
  });

  test('a bad change: annotated where it is, and the step fails', () => {
    const { code, stdout, summary, report } = check({
      'migrations/0002_gone.sql': CHANGE('ALTER TABLE t DROP COLUMN note;'),
    });
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(
        /^Trueup [\d.]+, of the action's commit\.\n::error file=migrations\/0002_gone\.sql,line=2,.*trueup drop-column::DROP COLUMN removes/,
      ),
    ]);
    expect(summary).toContain('## Trueup: 1 problem in the migrations');
    expect(JSON.parse(report).problems).toHaveLength(1);
  });

  test('a hostile change: no program starts, no command reaches the runner, no markup the page', () => {
    const mark = join(mkdtempSync(join(scratch(), 'm-')), 'ran');
    const name = 'x` @everyone <img src=x>\n::add-mask::y\n';
    const { code, stdout, stderr, summary } = check({
      'migrations/0002_evil.sql': CHANGE(
        `CREATE TABLE "${name}" (id int PRIMARY KEY);\nALTER TABLE "${name}" ADD COLUMN b int;\n` +
          `DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch ${mark}'''; END $$;`,
      ).replace(
        '-- migrate:up',
        '-- migrate:consent opaque-code ::add-mask::z @everyone <script>\n-- migrate:up',
      ),
    });
    expect([code, existsSync(mark)]).toEqual([1, false]);
    const commands = [stdout, stderr]
      .join('\n')
      .split('\n')
      .filter((line) => /^\s*::|##\[/.test(line));
    expect(commands.length).toBeGreaterThan(0);
    for (const line of commands) expect(line).toMatch(/^::(error|warning) /);
    expect(summary).toContain('**Not all steps could be applied to an empty PostgreSQL');
    expect(summary.replace(/```.*?```/gs, '').replace(/`[^\n]*`/g, '')).not.toMatch(
      /<(?!\/?details>|\/?summary>)|@\w/,
    );
  });

  test('nothing says what is deployed', () => {
    const { code, stdout } = check({}, { TRUEUP_SINCE: '' });
    expect([code, stdout]).toEqual([
      2,
      expect.stringMatching(/^::error title=trueup::.*Give the input since\.\n$/),
    ]);
  });
});

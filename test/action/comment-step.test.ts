/**
 * The step in docs/pull-requests.md that writes the comment, with a stand-in for `gh`. Skipped if jq is not installed:
 * `gh` has a copy of it.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { formatFailureMarkdown } from '../../lib/report/failure-markdown';
import { formatMark, MAX_MARKDOWN_LENGTH } from '../../lib/report/markdown';
import { formatPlanMarkdown } from '../../lib/report/plan-markdown';
import { scratch } from '../support/repository';

const JQ_INSTALLED = spawnSync('jq', ['--version']).status === 0;
const PAGE = readFileSync(join(__dirname, '../../docs/pull-requests.md'), 'utf8');

interface Step {
  readonly name?: string;
  readonly if?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}
const STEP = [...PAGE.matchAll(/```yaml\n(.*?)```/gs)]
  .flatMap(([, text]): readonly Step[] => parse(text!)?.jobs?.trueup?.steps ?? [])
  .find(({ name }) => name === 'Comment')!;

/**
 * `gh api` on a file with comments: pages of two, the limits of GitHub, and `--jq` for each page. Unlike GitHub it accepts
 * nothing that the step does not use.
 */
const GH = `#!/usr/bin/env node
const { readFileSync, writeFileSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const { parseArgs } = require('node:util');
const { STATE, GH_TOKEN } = process.env;
const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: Object.fromEntries(
    [['paginate'], ['silent'], ['jq', 'string'], ['method', 'string'], ['field', 'string']].map(
      ([name, type = 'boolean']) => [name, { type }],
    ),
  ),
});
const fail = (message) => {
  console.error('gh: ' + message);
  process.exit(1);
};
const state = JSON.parse(readFileSync(STATE, 'utf8'));
const [command, path] = positionals;
const method = values.method ?? (values.field === undefined ? 'GET' : 'POST');
if (command !== 'api' || positionals.length !== 2) fail('unexpected arguments');
if (GH_TOKEN !== 'ghs_c4n4ry') fail('Bad credentials (HTTP 401)');
if (state.fails === method) fail('Resource not accessible by integration (HTTP 403)');
state.calls.push(method + ' ' + path);
if (method === 'GET') {
  if (path !== 'repos/shop/app/issues/7/comments') fail('Not Found (HTTP 404)');
  const pages = values.paginate ? Math.max(1, Math.ceil(state.comments.length / 2)) : 1;
  for (let page = 0; page < pages; page++) {
    const input = JSON.stringify(state.comments.slice(2 * page, 2 * page + 2));
    const { status, stdout, stderr } = spawnSync('jq', ['-r', values.jq], { input, encoding: 'utf8' });
    if (status !== 0) fail(stderr);
    process.stdout.write(stdout);
  }
} else {
  const [, file] = /^body=@(.*)$/.exec(values.field);
  const body = readFileSync(file, 'utf8');
  if (body.length > 65536) fail('Body is too long (HTTP 422)');
  if (method === 'POST' && path === 'repos/shop/app/issues/7/comments') {
    state.comments.push({ id: 9000 + state.comments.length, body, user: { login: 'github-actions[bot]' } });
  } else {
    const comment = state.comments.find(({ id }) => path === 'repos/shop/app/issues/comments/' + id);
    if (method !== 'PATCH' || !comment) fail('Not Found (HTTP 404)');
    comment.body = body;
  }
  if (!values.silent) console.log('{}');
}
writeFileSync(STATE, JSON.stringify(state));
`;

interface Comment {
  readonly id: number;
  readonly body: string;
  readonly user: { readonly login: string } | null;
}

/** Runs the step as GitHub's runner does. */
function comment(markdown: string, comments: readonly Comment[], fails?: 'GET' | 'POST' | 'PATCH') {
  const folder = mkdtempSync(join(scratch(), 'gh-'));
  const [state, plan] = [join(folder, 'state.json'), join(folder, 'a plan.md')];
  writeFileSync(state, JSON.stringify({ comments, calls: [], fails }));
  writeFileSync(plan, markdown);
  writeFileSync(join(folder, 'gh'), GH);
  chmodSync(join(folder, 'gh'), 0o755);
  writeFileSync(join(folder, 'step.sh'), STEP.run!);
  const { status, stdout, stderr } = spawnSync('bash', ['-e', join(folder, 'step.sh')], {
    encoding: 'utf8',
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      STATE: state,
      GITHUB_REPOSITORY: 'shop/app',
      GH_TOKEN: 'ghs_c4n4ry',
      NUMBER: '7',
      PLAN: plan,
    },
  });
  const after = JSON.parse(readFileSync(state, 'utf8')) as { comments: Comment[]; calls: string[] };
  return { status, stdout, stderr, ...after };
}

const BOT = { login: 'github-actions[bot]' };
const PLAN = { namespace: 'db', manifestHash: 'x', steps: [], warnings: [], errors: [] };
const toMarkdown = (text: string, name = 'db'): string => `${formatMark(name)}\n${text}`;
const PLANNED = toMarkdown(formatPlanMarkdown(PLAN));
const FAILED = toMarkdown(formatFailureMarkdown('db', { message: 'no database', remedy: 'Give one.' }));
const CREATED = ['GET repos/shop/app/issues/7/comments', 'POST repos/shop/app/issues/7/comments'];

test('the step runs only for the same repository, gets the token, and contains no expression', () => {
  expect(STEP.if).toContain('github.event.pull_request.head.repo.full_name == github.repository');
  expect(STEP.if).toContain('!cancelled()');
  expect(Object.keys(STEP.env!)).toEqual(['GH_TOKEN', 'NUMBER', 'PLAN']);
  expect(STEP.run).not.toContain('${{');
});

describe.skipIf(!JQ_INSTALLED)('the step (skipped where jq is not installed)', () => {
  test('creates a comment if there is none', () => {
    const { status, stdout, stderr, calls, comments } = comment(PLANNED, []);
    expect([status, stdout, stderr, calls]).toEqual([0, '', '', CREATED]);
    expect(comments).toEqual([{ id: 9000, body: PLANNED, user: BOT }]);
  });

  test('edits its own among others, on whatever page it is', () => {
    const others: readonly Comment[] = [
      { id: 1, body: PLANNED, user: { login: 'stranger' } },
      { id: 2, body: `Coverage: 80 %\n${PLANNED}`, user: BOT },
      { id: 3, body: PLANNED, user: null },
      { id: 4, body: toMarkdown('another folder', 'db2'), user: BOT },
      { id: 5, body: '', user: BOT },
    ];
    const { status, stderr, calls, comments } = comment(FAILED, [
      ...others,
      { id: 6, body: PLANNED, user: BOT },
      { id: 7, body: '<!-- coverage -->', user: BOT },
    ]);
    expect([status, stderr, calls.slice(1)]).toEqual([0, '', ['PATCH repos/shop/app/issues/comments/6']]);
    expect(comments).toEqual([
      ...others,
      { id: 6, body: FAILED, user: BOT },
      { id: 7, body: '<!-- coverage -->', user: BOT },
    ]);
  });

  test('never edits the comment of another workflow or person', () => {
    const others: readonly Comment[] = [
      { id: 1, body: '<!-- coverage -->', user: BOT },
      { id: 2, body: PLANNED, user: { login: 'stranger' } },
    ];
    const { status, calls, comments } = comment(FAILED, others);
    expect([status, calls]).toEqual([0, CREATED]);
    expect(comments).toEqual([...others, { id: 9002, body: FAILED, user: BOT }]);
  });

  test('edits the first of two that concurrent runs created', () => {
    const { status, comments } = comment(FAILED, [
      { id: 1, body: PLANNED, user: BOT },
      { id: 2, body: PLANNED, user: BOT },
    ]);
    expect([status, comments.map(({ body }) => body)]).toEqual([0, [FAILED, PLANNED]]);
  });

  test('the longest markdown is accepted', () => {
    const markdown = toMarkdown(formatPlanMarkdown({ ...PLAN, warnings: Array(9_000).fill('a warning') }));
    expect(markdown.length).toBeGreaterThan(MAX_MARKDOWN_LENGTH - 2_000);
    const { status, comments } = comment(markdown, []);
    expect([status, comments[0]!.body]).toEqual([0, markdown]);
  });

  test.each(['GET', 'POST'] as const)('fails if GitHub refuses %s, and creates nothing', (method) => {
    const { status, stderr, comments } = comment(PLANNED, [], method);
    expect([status, stderr, comments]).toEqual([1, expect.stringContaining('HTTP 403'), []]);
  });
});

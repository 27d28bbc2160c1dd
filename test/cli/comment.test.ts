/** `trueup comment` against a stand-in of GitHub's API: its parts in this process, and the whole as one of its own. */
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGitHubClient } from '../../lib/cli/github/api';
import { commentOnPullRequests } from '../../lib/cli/github/comment-on';
import { EventProblem, parseRunEvent } from '../../lib/cli/github/pull-request';
import { ReportProblem, readReport } from '../../lib/report/read-report';
import { formatReportMarkdown } from '../../lib/report/report-markdown';
import { GitHubServer, type PullRequest, TOKEN } from '../support/github/server';
import { scratch } from '../support/repository';
import { trueup } from './trueup';

const REPOSITORY = 'shop/app';
const FORK = 'stranger/app';
const SHA = 'a'.repeat(40);
const PLAN = {
  namespace: 'shop',
  manifestHash: 'x',
  steps: [],
  warnings: [],
  errors: [],
};
const STATEMENT = {
  sql: 'SELECT 1',
  command: 'SELECT',
  line: 2,
  execution: 'transaction',
  locks: [],
  destroys: null,
  rewrites: null,
};
const STEP = { action: 'apply', migration: '0001_a', note: '', holdsMs: null, statements: [STATEMENT] };

let github: GitHubServer;
let url: string;
beforeEach(async () => {
  github = new GitHubServer(REPOSITORY);
  url = await github.start();
});
afterEach(() => github.stop());

const pull = (change: Partial<PullRequest> = {}): PullRequest => ({
  number: 7,
  state: 'open',
  head: { sha: SHA, ref: 'fix/a:b', repo: { full_name: FORK } },
  base: { repo: { full_name: REPOSITORY } },
  comments: [],
  ...change,
});

const write = (name: string, content: string): string => {
  const path = join(mkdtempSync(join(scratch(), 'f-')), name);
  writeFileSync(path, content);
  return path;
};
const EVENT = {
  repository: { full_name: REPOSITORY },
  workflow_run: {
    event: 'pull_request',
    head_sha: SHA,
    head_branch: 'fix/a:b',
    html_url: 'https://github.com/shop/app/actions/runs/1',
    head_repository: { full_name: FORK, owner: { login: 'stranger' } },
    // Empty for forks; and what a report says of a pull request is not asked.
    pull_requests: [],
  },
};

/** As the command does it, without starting it. */
async function comment(report: unknown, { event = EVENT as unknown, name = 'migrations' } = {}) {
  const written = await commentOnPullRequests(
    createGitHubClient(url, TOKEN),
    parseRunEvent(JSON.stringify(event)),
    {
      author: 'github-actions[bot]',
      name,
      markdown: formatReportMarkdown(readReport(JSON.stringify(report))),
    },
  );
  return written.map((each) => `${each.number} ${each.comment}`);
}

/** The command. */
const run = (report: unknown, { event = EVENT as unknown, token = TOKEN } = {}) =>
  trueup(['comment', write('report.json', typeof report === 'string' ? report : JSON.stringify(report))], {
    env: {
      GITHUB_API_URL: url,
      GITHUB_TOKEN: token,
      GITHUB_EVENT_PATH: write('event.json', JSON.stringify(event)),
    },
  });

test('made once, edited by the next run, and left alone where nothing changed', async () => {
  github.pulls.push(pull());
  const first = await run(PLAN);
  expect([first.code, first.stdout, first.stderr]).toEqual([0, 'Pull request 7: created.\n', '']);
  const [own] = github.pulls[0]!.comments;
  expect(own!.body).toMatch(/^<!-- trueup \S+ -->\n## Trueup: nothing to do in `shop`/);
  expect(own!.body).toContain(`For commit \`${SHA}\``);
  expect(await comment(PLAN)).toEqual(['7 unchanged']);
  expect(await comment({ ...PLAN, warnings: ['out-of-order'] })).toEqual(['7 edited']);
  expect(github.pulls[0]!.comments).toHaveLength(1);
  expect(own!.body).toContain('- out-of-order');
  expect(await comment(PLAN, { name: 'other' })).toEqual(['7 created']);
});

test('only its own comment: not one of somebody else with the same mark, and on whatever page it is', async () => {
  github.pulls.push(pull());
  await comment(PLAN);
  const { comments } = github.pulls[0]!;
  const own = comments.pop()!;
  const others = Array.from({ length: 150 }, (_, i) => ({
    id: i + 1,
    body: i % 2 === 0 ? own.body : `quoted: ${own.body}`,
    user: i === 3 ? null : { login: i % 3 === 0 ? 'stranger' : 'github-actions' },
  }));
  comments.push(...structuredClone(others), own);
  expect(await comment({ ...PLAN, warnings: ['out-of-order'] })).toEqual(['7 edited']);
  expect(comments.slice(0, 150)).toEqual(others);
  expect(comments).toHaveLength(151);
  expect(own.body).toContain('out-of-order');
});

describe('the pull request is that of the event', () => {
  test.each([
    [
      'a newer commit was pushed',
      { head: { sha: 'b'.repeat(40), ref: 'fix/a:b', repo: { full_name: FORK } } },
    ],
    ['it is closed', { state: 'closed' }],
    [
      'a branch of that name in another repository of theirs',
      { head: { sha: SHA, ref: 'fix/a:b', repo: { full_name: 'stranger/other' } } },
    ],
    ['the fork is gone', { head: { sha: SHA, ref: 'fix/a:b', repo: null } }],
    ['it goes to another repository', { base: { repo: { full_name: 'shop/other' } } }],
  ] as const)('%s: nothing is written', async (_, change) => {
    github.pulls.push(pull(change as Partial<PullRequest>));
    expect(await comment(PLAN)).toEqual([]);
    expect(github.calls).toEqual(['GET /repos/shop/app/pulls']);
  });

  test('an event that is of something else is refused', async () => {
    for (const event of [
      { pull_request: {} },
      { ...EVENT, workflow_run: { ...EVENT.workflow_run, event: 'push' } },
      { ...EVENT, workflow_run: { ...EVENT.workflow_run, head_repository: null } },
      'no event',
    ])
      await expect(comment(PLAN, { event })).rejects.toThrow(EventProblem);
    expect((await run(PLAN, { event: {} })).code).toBe(2);
    expect(github.calls).toEqual([]);
  });
});

describe('a report that cannot be trusted', () => {
  test('what has not its form is refused', async () => {
    for (const report of [
      'no json',
      '[]',
      '"text"',
      'null',
      { ...PLAN, steps: [{ migration: { toString: 1 } }] },
      { ...PLAN, warnings: [{}] },
      { ...PLAN, namespace: 7 },
      { ...PLAN, sections: [{ migration: 'x', verify: [], withoutVerify: null, undo: '<b>', down: [] }] },
      { ...PLAN, steps: [{ ...STEP, statements: [{ ...STATEMENT, execution: 'constructor' }] }] },
      { error: { message: 'x' } },
      { error: 'x' },
      `{"__proto__": ${JSON.stringify(PLAN)}}`,
    ]) {
      const json = typeof report === 'string' ? report : JSON.stringify(report);
      expect(() => readReport(json)).toThrow(ReportProblem);
    }
    expect(readReport(JSON.stringify({ ...PLAN, steps: [STEP] }))).toMatchObject({ plan: { steps: [STEP] } });
    const { code, stderr } = await run('no json');
    expect([code, stderr]).toEqual([2, expect.stringContaining('report.json is not JSON')]);
    expect(github.calls).toEqual([]);
  });

  test('a link to another file is not followed', async () => {
    const link = join(mkdtempSync(join(scratch(), 'l-')), 'report.json');
    symlinkSync(write('secret.json', JSON.stringify(PLAN)), link);
    const { code, stderr } = await trueup(['comment', '--print', link]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is not a file')]);
  });

  test('words of a stranger are shown as words, and a report without end is cut', async () => {
    github.pulls.push(pull());
    const hostile = '<img src=x> @everyone [x](https://evil.example) `@all`';
    await comment({
      ...PLAN,
      namespace: hostile,
      warnings: [hostile, ...Array(5_000).fill('x'.repeat(99))],
    });
    const [own] = github.pulls[0]!.comments;
    expect(own!.body.length).toBeLessThan(65_536);
    expect(own!.body).toContain(
      '&#60;img src=x&#62; @&#8203;everyone &#91;x&#93;(https:&#8203;//evil.example) `@all`',
    );
  });
});

describe('GitHub does not answer as usual', () => {
  test('cut off, or asked too often: tried again', async () => {
    github.pulls.push(pull());
    github.failures.push('cut', 429);
    expect(await comment(PLAN)).toEqual(['7 created']);
  });

  test('its answer to the new comment is lost: there is one comment in the end', async () => {
    github.pulls.push(pull());
    github.failures.push('none', 'none', 'lost');
    expect(await comment(PLAN)).toEqual(['7 unchanged']);
    expect(github.pulls[0]!.comments).toHaveLength(1);
  });

  test('down for long: 1, and nothing is half done', async () => {
    github.pulls.push(pull());
    github.failures.push(503, 503, 503, 503);
    const { code, stderr } = await run(PLAN);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/answered 503: try again\n +Run it again later\./),
    ]);
    expect(github.calls).toEqual([]);
  });

  test('no right to write, a wrong token, no token: what to do is said, the token is not', async () => {
    github.pulls.push(pull());
    github.mayWrite = false;
    const refused = await run(PLAN);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /answered 403: Resource not accessible by integration\n +Give the job the permission `pull-requests: write`/,
      ),
    ]);
    const wrong = await run(PLAN, { token: 'ghs_wr0ng' });
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('GITHUB_TOKEN is not valid')]);
    expect((await run(PLAN, { token: '' })).stderr).toContain('GITHUB_TOKEN is not set');
    expect(refused.stderr + refused.stdout + wrong.stderr).not.toMatch(/ghs_/);
  });
});

test('--print needs nothing of GitHub', async () => {
  const { code, stdout } = await trueup(['comment', '--print', write('report.json', JSON.stringify(PLAN))]);
  expect([code, stdout]).toEqual([0, expect.stringContaining('nothing to do')]);
});

test('problems and errors have a page too', () => {
  const problems = [{ file: '0001_a.sql', line: 1, column: 1, message: 'no', remedy: 'Yes.', snippet: '' }];
  const error = { code: 'manifest', message: '1 problem in db', remedy: 'Correct it.' };
  const page = (report: unknown) => formatReportMarkdown(readReport(JSON.stringify(report)));
  expect(page({ error, problems })).toContain('## Trueup: 1 problem in the migrations');
  expect(page({ error })).toContain('## Trueup: planning failed\n\n- **Error** 1 problem in db');
});

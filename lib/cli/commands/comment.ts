import { lstatSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ReportProblem, readReport } from '../../report/read-report';
import { formatReportMarkdown } from '../../report/report-markdown';
import { EXIT, type ExitCode } from '../exit-codes';
import { createGitHubClient } from '../github/api';
import { commentOnPullRequests } from '../github/comment-on';
import { EventProblem, parseRunEvent, type RunEvent } from '../github/pull-request';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import type { GlobalOptions, Terminal } from '../terminal/terminal';

interface Options extends GlobalOptions {
  readonly print?: boolean;
  readonly author: string;
  readonly name: string;
}

const MAX_REPORT_BYTES = 20 * 1024 * 1024;

export function registerComment(program: Command): void {
  const command = program
    .command('comment')
    .argument('<report>', 'file with the output of `trueup plan --since REVISION --json`')
    .description(
      'Shows a plan as a comment on its GitHub pull request. Each run updates the same comment. For a workflow that runs on ' +
        '`workflow_run`: the report may come from a fork, so nothing in it is trusted, and the pull request is found by ' +
        'the event. Needs GITHUB_TOKEN with pull-requests: write, and the variables that GitHub Actions sets.',
    )
    .option('--print', 'print the markdown instead of writing a comment')
    .option(
      '--name <name>',
      'name that distinguishes this comment, if the repository has several folders',
      'migrations',
    )
    .option(
      '--author <login>',
      'account that the token belongs to; only its comments are changed',
      'github-actions[bot]',
    );
  setAction<Options>(command, async (terminal, options, file) => {
    const markdown = formatReportMarkdown(readReportFile(file!));
    if (options.print) {
      if (terminal.json) printJson(terminal, { markdown });
      else terminal.out.write(markdown);
      return EXIT.ok;
    }
    const event = readEventFile(requireVariable('GITHUB_EVENT_PATH'));
    return postComment(terminal, options, event, markdown);
  });
}

async function postComment(
  terminal: Terminal,
  { author, name }: Options,
  event: RunEvent,
  markdown: string,
): Promise<ExitCode> {
  const { headSha } = event;
  const github = createGitHubClient(
    process.env.GITHUB_API_URL ?? 'https://api.github.com',
    requireVariable('GITHUB_TOKEN'),
  );
  const written = await commentOnPullRequests(github, event, { author, name, markdown });
  if (terminal.json) printJson(terminal, { commit: headSha, written });
  else if (written.length === 0)
    terminal.out.line(
      `No open pull request has ${headSha} as its head commit any more, so no comment was written.`,
    );
  else for (const { number, comment: done } of written) terminal.out.line(`Pull request ${number}: ${done}.`);
  return EXIT.ok;
}

/**
 * Reads the JSON report of `trueup plan`.
 * @throws {UsageError}
 */
function readReportFile(file: string): ReturnType<typeof readReport> {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  // An artifact may contain a symbolic link to any file of this machine.
  if (!stat?.isFile())
    throw new UsageError(
      stat ? `${file} is not a file` : `there is no file ${file}`,
      'Give a file with the output of `trueup plan --since REVISION --json`.',
    );
  if (stat.size > MAX_REPORT_BYTES)
    throw new UsageError(`${file} has ${stat.size} bytes`, 'A report usually has a few thousand bytes.');
  try {
    return readReport(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof ReportProblem)) throw error;
    throw new UsageError(
      `${file} ${error.message}`,
      'Give a file with the output of `trueup plan --since REVISION --json` of the same version.',
    );
  }
}

/**
 * Reads the event of the workflow run.
 * @throws {UsageError}
 */
function readEventFile(file: string): RunEvent {
  try {
    return parseRunEvent(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof EventProblem ? error.message : `GITHUB_EVENT_PATH cannot be read: ${file}`;
    throw new UsageError(why, 'Run it in a workflow `on: workflow_run`, or with --print.');
  }
}

/**
 * Returns an environment variable.
 * @throws {UsageError} if it is not set or empty
 */
function requireVariable(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new UsageError(`${name} is not set`, 'Run it in GitHub Actions, or with --print.');
}

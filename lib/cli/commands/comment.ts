import { lstatSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ReportProblem, readReport } from '../../report/read-report';
import { reportMarkdown } from '../../report/report-markdown';
import { EXIT, type ExitCode } from '../exit-codes';
import { gitHub } from '../github/api';
import { commentOn } from '../github/comment-on';
import { EventProblem, type RunEvent, runEvent } from '../github/pull-request';
import { setAction } from '../terminal/action';
import { UsageError } from '../terminal/failure';
import { printJson } from '../terminal/json';
import type { GlobalOptions, Terminal } from '../terminal/terminal';

interface Options extends GlobalOptions {
  readonly print?: boolean;
  readonly author: string;
  readonly name: string;
}

const MOST_BYTES = 20 * 1024 * 1024;

export function registerComment(program: Command): void {
  const command = program
    .command('comment')
    .argument('<report>', 'what `trueup plan --since REVISION --json` printed')
    .description(
      'Shows a plan as a comment on its GitHub pull request, one that each run writes anew. For a workflow that runs on ' +
        '`workflow_run`: the report may come from a fork, so nothing in it is trusted, and the pull request is found by ' +
        'the event. Needs GITHUB_TOKEN with pull-requests: write, and what GitHub Actions sets.',
    )
    .option('--print', 'print the markdown, and write no comment')
    .option('--name <name>', 'tells the comments of several folders apart', 'migrations')
    .option(
      '--author <login>',
      'the account of the token: only its comment is changed',
      'github-actions[bot]',
    );
  setAction<Options>(command, async (terminal, options, file) => {
    const markdown = reportMarkdown(reportIn(file!));
    if (options.print) {
      if (terminal.json) printJson(terminal, { markdown });
      else terminal.out.write(markdown);
      return EXIT.ok;
    }
    const event = eventIn(variable('GITHUB_EVENT_PATH'));
    return comment(terminal, options, event, markdown);
  });
}

async function comment(
  terminal: Terminal,
  { author, name }: Options,
  event: RunEvent,
  markdown: string,
): Promise<ExitCode> {
  const { headSha } = event;
  const github = gitHub(process.env.GITHUB_API_URL ?? 'https://api.github.com', variable('GITHUB_TOKEN'));
  const written = await commentOn(github, event, { author, name, markdown });
  if (terminal.json) printJson(terminal, { commit: headSha, written });
  else if (written.length === 0)
    terminal.out.line(`No open pull request is at ${headSha} any more: nothing to comment on.`);
  else for (const { number, comment: done } of written) terminal.out.line(`Pull request ${number}: ${done}.`);
  return EXIT.ok;
}

/** @throws {UsageError} */
function reportIn(file: string): ReturnType<typeof readReport> {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  // An artifact may hold a link to any file of this machine.
  if (!stat?.isFile())
    throw new UsageError(
      stat ? `${file} is not a file` : `there is no file ${file}`,
      'Give what `trueup plan --since REVISION --json` printed.',
    );
  if (stat.size > MOST_BYTES)
    throw new UsageError(`${file} has ${stat.size} bytes`, 'A report has a few thousand.');
  try {
    return readReport(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof ReportProblem)) throw error;
    throw new UsageError(
      `${file} ${error.message}`,
      'Give what `trueup plan --since REVISION --json` of the same version printed.',
    );
  }
}

/** @throws {UsageError} */
function eventIn(file: string): RunEvent {
  try {
    return runEvent(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof EventProblem ? error.message : `GITHUB_EVENT_PATH cannot be read: ${file}`;
    throw new UsageError(why, 'Run it in a workflow `on: workflow_run`, or with --print.');
  }
}

/** @throws {UsageError} */
function variable(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new UsageError(`${name} is not set`, 'Run it in GitHub Actions, or with --print.');
}

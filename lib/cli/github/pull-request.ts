/**
 * Finds the pull requests of a `workflow_run`. Only the event identifies them: what the run produced was written by the
 * author of the pull request, who may not be trusted. `workflow_run.pull_requests` is empty for forks, so they are
 * looked up by branch.
 */
import type { GitHubClient } from './api';

export interface RunEvent {
  /** `owner/name` of the repository that the workflow runs in. */
  readonly repository: string;
  readonly headRepository: string;
  readonly headOwner: string;
  readonly headBranch: string;
  readonly headSha: string;
  readonly runUrl: string;
}

/** Thrown if the event is not that of a `workflow_run` that a pull request started. */
export class EventProblem extends Error {
  override readonly name = 'EventProblem';
}

/**
 * Reads the event.
 * @param json content of the file at GITHUB_EVENT_PATH
 * @throws {EventProblem}
 */
export function parseRunEvent(json: string): RunEvent {
  const event = JSON.parse(json) as {
    repository?: { full_name?: string };
    workflow_run?: {
      event?: string;
      head_sha?: string;
      head_branch?: string;
      html_url?: string;
      head_repository?: { full_name?: string; owner?: { login?: string } } | null;
    };
  };
  const run = event.workflow_run;
  if (run === undefined) throw new EventProblem('the event is not a workflow_run');
  if (run.event !== 'pull_request')
    throw new EventProblem(`the run was started by ${run.event}, not by a pull request`);
  const found = {
    repository: event.repository?.full_name,
    // Missing if the fork was deleted meanwhile.
    headRepository: run.head_repository?.full_name,
    headOwner: run.head_repository?.owner?.login,
    headBranch: run.head_branch,
    headSha: run.head_sha,
    runUrl: run.html_url,
  };
  const missing = Object.entries(found).find(([, value]) => typeof value !== 'string' || value === '');
  if (missing) throw new EventProblem(`the event has no ${missing[0]}`);
  return found as RunEvent;
}

/** Returns the numbers of the open pull requests whose head is still the commit of the run. */
export async function listPullRequests(github: GitHubClient, event: RunEvent): Promise<readonly number[]> {
  const { repository, headRepository, headOwner, headBranch, headSha } = event;
  const head = encodeURIComponent(`${headOwner}:${headBranch}`);
  const answer = await github.call('GET', `/repos/${repository}/pulls?state=open&per_page=100&head=${head}`);
  const found = answer as readonly {
    number: number;
    head: { sha: string; repo: { full_name: string } | null };
    base: { repo: { full_name: string } };
  }[];
  return found
    .filter(
      ({ head: { sha, repo }, base }) =>
        sha === headSha && repo?.full_name === headRepository && base.repo.full_name === repository,
    )
    .map(({ number }) => number);
}

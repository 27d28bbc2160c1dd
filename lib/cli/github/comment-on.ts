/** The comment on each pull request that a run was for. */
import { code } from '../../report/markdown';
import { type GitHub, patiently } from './api';
import { pullRequestsOf, type RunEvent } from './pull-request';
import { type StickyComment, type Written, writeComment } from './sticky-comment';

/** @throws {GitHubError} */
export async function commentOn(
  github: GitHub,
  event: RunEvent,
  comment: Pick<StickyComment, 'author' | 'name' | 'markdown'>,
): Promise<readonly { readonly number: number; readonly comment: Written }[]> {
  const { repository, headSha, runUrl } = event;
  const footer = `For commit ${code(headSha)}. [The run](${encodeURI(runUrl)}) has the annotations.`;
  const markdown = `${comment.markdown}\n${footer}\n`;
  const written: { readonly number: number; readonly comment: Written }[] = [];
  for (const number of await patiently(() => pullRequestsOf(github, event))) {
    const done = await patiently(() => writeComment(github, { ...comment, repository, number, markdown }));
    written.push({ number, comment: done });
  }
  return written;
}
